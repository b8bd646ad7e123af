# Authen::Radius: one request, and, if it is challenged, a second with the State it was given.
# Usage: authen_radius.pl ADDRESS:PORT; standard input has the secret, the name, the password and the code, a line each.
use strict;
use warnings;
use Authen::Radius;

my ($secret, $name, $password, $code) = map { my $line = <STDIN>; chomp $line; $line } 1 .. 4;
my %reply = (2 => "Access-Accept", 3 => "Access-Reject", 11 => "Access-Challenge");
my $radius = Authen::Radius->new(Host => $ARGV[0], Secret => $secret, TimeOut => 10, Rfc3579MessageAuth => 1)
    or die "cannot start: " . Authen::Radius::strerror() . "\n";

sub ask {
    my ($field, @more) = @_;
    $radius->clear_attributes;
    $radius->add_attributes(
        {Name => 1, Value => $name, Type => "string"}, {Name => 2, Value => $field, Type => "string"}, @more);
    $radius->send_packet(ACCESS_REQUEST) or die "cannot send: " . $radius->strerror . "\n";
    my $got = $radius->recv_packet or die "no reply: " . $radius->strerror . "\n";
    print $reply{$got} // $got, "\n";
    return $got;
}

if (ask($password) == 11) {
    my ($state) = map { $_->{RawValue} } grep { $_->{Code} == 24 } $radius->get_attributes;
    ask($code, {Name => 24, Value => $state, Type => "octets"});
}
