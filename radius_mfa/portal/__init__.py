"""The portal: the web pages where users look after their second factor, and the API of admins beside them."""
