EXTRA_DIST += %D%/packages %D%/quickstart %D%/check %D%/build-deb %D%/sample/Procfile \
	%D%/sample/web.pl %D%/sample/worker.sh

# Units and what they need. The programs' place is known only to make.
dyno_units = %D%/systemd/dynod.service %D%/systemd/dyno-controller.service \
	%D%/systemd/dyno-router.service
dyno_unit_edit = $(MKDIR_P) %D%/systemd && \
	sed -e 's|@pkglibexecdir[@]|$(pkglibexecdir)|g'

%D%/systemd/dynod.service: %D%/systemd/dynod.service.in Makefile
	$(AM_V_GEN)$(dyno_unit_edit) $(srcdir)/%D%/systemd/dynod.service.in >$@
%D%/systemd/dyno-controller.service: %D%/systemd/dyno-controller.service.in Makefile
	$(AM_V_GEN)$(dyno_unit_edit) $(srcdir)/%D%/systemd/dyno-controller.service.in >$@
%D%/systemd/dyno-router.service: %D%/systemd/dyno-router.service.in Makefile
	$(AM_V_GEN)$(dyno_unit_edit) $(srcdir)/%D%/systemd/dyno-router.service.in >$@

nodist_systemdsystemunit_DATA += $(dyno_units)
dist_systemdsystemunit_DATA = %D%/systemd/dyno.target \
	%D%/systemd/dyno-controller.socket %D%/systemd/dynod.socket
CLEANFILES += $(dyno_units)
EXTRA_DIST += %D%/systemd/dynod.service.in \
	%D%/systemd/dyno-controller.service.in \
	%D%/systemd/dyno-router.service.in \
	%D%/systemd/sysusers.conf %D%/systemd/tmpfiles.conf

exampledir = $(docdir)/examples
dist_example_DATA = %D%/systemd/conf/dynod.conf \
	%D%/systemd/conf/supervisor.conf \
	%D%/systemd/conf/controller.conf %D%/systemd/conf/router.conf \
	%D%/systemd/conf/slugs.conf

# Both are called dyno.conf where they go.
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)' '$(DESTDIR)$(tmpfilesdir)'
	$(INSTALL_DATA) $(srcdir)/%D%/systemd/sysusers.conf \
		'$(DESTDIR)$(sysusersdir)/dyno.conf'
	$(INSTALL_DATA) $(srcdir)/%D%/systemd/tmpfiles.conf \
		'$(DESTDIR)$(tmpfilesdir)/dyno.conf'
uninstall-local:
	rm -f '$(DESTDIR)$(sysusersdir)/dyno.conf' \
		'$(DESTDIR)$(tmpfilesdir)/dyno.conf'

AM_DISTCHECK_CONFIGURE_FLAGS = \
	--with-systemdsystemunitdir='$${prefix}/lib/systemd/system' \
	--with-bashcompletiondir='$${datadir}/bash-completion/completions'

EXTRA_DIST += %D%/stack/build

dashboarddir = $(docdir)/grafana
dist_dashboard_DATA = %D%/grafana/dyno-host.json

# The source of the package that contrib/build-deb makes.
EXTRA_DIST += debian/changelog debian/control debian/copyright debian/rules \
	debian/README.Debian debian/dyno.install debian/dyno.lintian-overrides \
	debian/dyno.postinst debian/dyno.prerm debian/dyno.postrm debian/dyno.sysusers debian/dyno.tmpfiles \
	debian/source/format
