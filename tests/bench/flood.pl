# flood.pl LINES RATE - numbered lines of 100 bytes, RATE a second (0: as fast as it
# goes).
use strict;
use Time::HiRes qw(time sleep);

my ($n, $rate) = @ARGV;
my $pad = "x" x 88;
my ($at, $start) = (0, time);

while ($at < $n) {
	my $k = $n - $at < 500 ? $n - $at : 500;
	my $block = join "", map { sprintf "%010d %s\n", $at + $_, $pad } 1 .. $k;
	for (my $off = 0; $off < length $block;) {
		$off += syswrite(STDOUT, $block, length($block) - $off, $off) || die "write: $!";
	}
	$at += $k;
	my $ahead = $rate ? $at / $rate - (time - $start) : 0;
	sleep $ahead if $ahead > 0;
}
