dist_check_SCRIPTS += %D%/layers %D%/text %D%/headers %D%/child-symbols %D%/fault-points \
	%D%/manuals
