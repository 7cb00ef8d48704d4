noinst_LIBRARIES += libcli.a
libcli_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS) \
	$(ARCHIVE_CFLAGS) $(GNUTLS_CFLAGS)
libcli_a_SOURCES = \
	%D%/cli.c %D%/cli.h \
	%D%/examples.c %D%/examples.h \
	%D%/help.c %D%/help.h \
	%D%/verbs.c %D%/verbs.h \
	%D%/access/access.c \
	%D%/access/access_ca.c \
	%D%/access/accounts.c \
	%D%/access/audit.c \
	%D%/access/log_token.c \
	%D%/access/tokens.c \
	%D%/app/addons.c \
	%D%/app/apps.c \
	%D%/app/buildpacks.c \
	%D%/app/config.c %D%/app/config.h \
	%D%/app/deploy.c \
	%D%/app/domains.c \
	%D%/app/drains.c \
	%D%/app/dynos.c %D%/app/dynos.h \
	%D%/app/features.c \
	%D%/app/logs.c %D%/app/logs.h \
	%D%/app/releases.c \
	%D%/app/run.c %D%/app/run.h \
	%D%/app/scale.c %D%/app/scale.h \
	%D%/app/wait.c %D%/app/wait.h \
	%D%/app/webhooks.c \
	%D%/app/why.c \
	%D%/client/api.c %D%/client/api.h \
	%D%/client/app_call.c %D%/client/app_call.h \
	%D%/client/attach.c %D%/client/attach.h \
	%D%/client/attach_door.c %D%/client/attach_door.h \
	%D%/client/attach_link.c %D%/client/attach_link.h \
	%D%/client/frame.c %D%/client/frame.h \
	%D%/client/procfile.c %D%/client/procfile.h \
	%D%/client/release_follow.c %D%/client/release_follow.h \
	%D%/client/slug_file.c %D%/client/slug_file.h \
	%D%/host/census.c %D%/host/census.h \
	%D%/host/doctor.c %D%/host/doctor.h \
	%D%/host/doctor_files.c \
	%D%/host/doctor_kernel.c \
	%D%/host/host.c %D%/host/host.h \
	%D%/host/host_doctor.c \
	%D%/host/host_drain.c \
	%D%/host/host_plan.c %D%/host/host_plan.h \
	%D%/host/host_top.c %D%/host/host_top.h \
	%D%/sandbox/keeper.c %D%/sandbox/keeper.h \
	%D%/sandbox/sandbox.c %D%/sandbox/sandbox.h \
	%D%/sandbox/sandbox_address.c \
	%D%/sandbox/sandbox_programs.c %D%/sandbox/sandbox_programs.h \
	%D%/sandbox/sandbox_start.c \
	%D%/sandbox/sandbox_stop.c \
	%D%/show/progress.c %D%/show/progress.h \
	%D%/show/table.c %D%/show/table.h \
	%D%/show/when.c %D%/show/when.h
CLI_LIBS = libcli.a $(HTTP_LIBS) $(ARCHIVE_LIBS) $(GNUTLS_LIBS)

bin_PROGRAMS += dynoctl
dynoctl_CFLAGS = $(AM_CFLAGS)
dynoctl_SOURCES = %D%/dynoctl.c
dynoctl_LDADD = $(CLI_LIBS)
dist_bashcompletion_DATA += contrib/completion/dynoctl.bash
