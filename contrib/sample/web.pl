# A web process without dependencies: answers every request with one page that
# tells where it runs. SIGTERM ends it, as the platform expects.
use strict;
use warnings;
use IO::Socket::INET;

$| = 1;
my $port = $ENV{PORT} or die "PORT is not set\n";
my $listen = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $port,
	Listen => 64, ReuseAddr => 1, Proto => 'tcp') or die "listen on $port: $!\n";
my $greeting = $ENV{GREETING} || 'hello';

$SIG{TERM} = sub { print "SIGTERM: goodbye\n"; exit 0 };
$SIG{PIPE} = 'IGNORE';
print "listening on $port\n";
while (1) {
	my $client = $listen->accept or next;
	my $request = <$client>;
	next unless defined $request;
	while (defined(my $line = <$client>)) { last if $line =~ /^\r?\n$/ }
	$request =~ s/\s+$//;
	print "$request\n";
	chomp(my $host = `hostname`);
	my $body = "$greeting from $ENV{DYNO} on $host\n";
	print $client "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n",
		'Content-Length: ', length $body, "\r\nConnection: close\r\n\r\n$body";
	close $client;
}
