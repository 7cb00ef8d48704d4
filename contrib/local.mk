EXTRA_DIST += %D%/packages %D%/quickstart %D%/check %D%/sample/Procfile \
	%D%/sample/web.pl %D%/sample/worker.sh
