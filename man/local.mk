dist_man_MANS += \
	%D%/dyno-controller.8 \
	%D%/dyno-init.8 \
	%D%/dyno-router.8 \
	%D%/dyno-slug.1 \
	%D%/dyno-supervisor.8 \
	%D%/dynoctl.1 \
	%D%/dynod.8 \
	%D%/dynorun.8
