<?php
// dapphp/radius: one request, and, if it is challenged, a second with the State it was given.
// Usage: dapphp.php ADDRESS PORT; standard input has the secret, the name, the password and the code, a line each.
require 'Dapphp/Radius/autoload.php';

[$secret, $name, $password, $code] = array_map(fn () => rtrim(fgets(STDIN), "\n"), range(1, 4));
$replies = [2 => 'Access-Accept', 3 => 'Access-Reject', 11 => 'Access-Challenge'];

function client(array $argv, string $secret): Dapphp\Radius\Radius
{
    $client = new Dapphp\Radius\Radius($argv[1], $secret, '', 10, (int) $argv[2]);
    return $client->setIncludeMessageAuthenticator(true)->setNasIPAddress('127.0.0.1');
}

$first = client($argv, $secret);
$first->accessRequest($name, $password);
echo $replies[$first->getResponsePacket()] ?? $first->getLastError(), "\n";
if ($first->getResponsePacket() === 11) {
    $second = client($argv, $secret);
    $second->accessRequest($name, $code, 10, $first->getReceivedAttribute(24));
    echo $replies[$second->getResponsePacket()] ?? $second->getLastError(), "\n";
}
