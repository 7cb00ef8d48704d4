# Unit tests: cmocka, no root. Each folder lists its own.
if HAVE_CMOCKA
include tests/base/local.mk
include tests/http/local.mk
include tests/slugstore/local.mk
include tests/runtime/local.mk
include tests/manager/local.mk
include tests/controller/local.mk
include tests/router/local.mk
include tests/cli/local.mk
endif
include tests/bench/local.mk
include tests/fuzz/local.mk
include tests/escape/local.mk
include tests/slugstore/faults/local.mk
include tests/lint/local.mk

EXTRA_DIST += %D%/system
# Not the whole folder: what is built in it would go along.
EXTRA_DIST += %D%/bench/flood.pl %D%/bench/idle.py %D%/bench/logs \
	%D%/bench/memory %D%/bench/peers.py \
	%D%/bench/run-true %D%/bench/soak %D%/bench/start
EXTRA_DIST += %D%/vm
