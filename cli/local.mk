noinst_LIBRARIES += libcli.a
libcli_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS) \
	$(ARCHIVE_CFLAGS) $(GNUTLS_CFLAGS)
libcli_a_SOURCES = \
	%D%/access.c \
	%D%/access_ca.c \
	%D%/accounts.c \
	%D%/audit.c \
	%D%/tokens.c \
	%D%/api.c %D%/api.h \
	%D%/addons.c \
	%D%/app_call.c %D%/app_call.h \
	%D%/apps.c \
	%D%/attach.c %D%/attach.h %D%/attach_link.c %D%/attach_link.h \
	%D%/census.c %D%/census.h \
	%D%/cli.c %D%/cli.h \
	%D%/buildpacks.c \
	%D%/config.c %D%/config.h \
	%D%/deploy.c \
	%D%/domains.c \
	%D%/examples.c %D%/examples.h \
	%D%/features.c \
	%D%/help.c %D%/help.h \
	%D%/webhooks.c \
	%D%/drains.c \
	%D%/doctor.c %D%/doctor.h \
	%D%/doctor_files.c \
	%D%/doctor_kernel.c \
	%D%/dynos.c %D%/dynos.h \
	%D%/frame.c %D%/frame.h \
	%D%/host.c %D%/host.h \
	%D%/host_doctor.c \
	%D%/host_drain.c \
	%D%/host_plan.c %D%/host_plan.h \
	%D%/host_top.c %D%/host_top.h \
	%D%/keeper.c %D%/keeper.h \
	%D%/log_token.c %D%/logs.c %D%/logs.h \
	%D%/procfile.c %D%/procfile.h \
	%D%/progress.c %D%/progress.h \
	%D%/release_follow.c %D%/release_follow.h \
	%D%/releases.c \
	%D%/run.c %D%/run.h \
	%D%/sandbox.c %D%/sandbox.h \
	%D%/sandbox_address.c \
	%D%/sandbox_programs.c %D%/sandbox_programs.h \
	%D%/sandbox_start.c \
	%D%/sandbox_stop.c \
	%D%/scale.c %D%/scale.h \
	%D%/slug_file.c %D%/slug_file.h \
	%D%/table.c %D%/table.h \
	%D%/verbs.c %D%/verbs.h \
	%D%/wait.c %D%/wait.h \
	%D%/why.c \
	%D%/when.c %D%/when.h
CLI_LIBS = libcli.a $(HTTP_LIBS) $(ARCHIVE_LIBS) $(GNUTLS_LIBS)

bin_PROGRAMS += dynoctl
dynoctl_CFLAGS = $(AM_CFLAGS)
dynoctl_SOURCES = %D%/dynoctl.c
dynoctl_LDADD = $(CLI_LIBS)
dist_bashcompletion_DATA += contrib/completion/dynoctl.bash
