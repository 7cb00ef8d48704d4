# The store, without network: what the daemons link.
noinst_LIBRARIES += libslugstore.a
libslugstore_a_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS) $(INFLATE_CFLAGS) \
	$(GNUTLS_CFLAGS) $(SECCOMP_CFLAGS)
libslugstore_a_SOURCES = \
	%D%/conf.c %D%/conf.h \
	%D%/digest.c %D%/digest.h \
	%D%/import.c \
	%D%/incoming.c %D%/incoming.h \
	%D%/lease.c %D%/lease.h \
	%D%/partial.c %D%/partial.h \
	%D%/store.c %D%/store.h %D%/store_dir.h \
	%D%/store_unpack.c \
	%D%/verify.c %D%/verify.h \
	%D%/verity.c %D%/verity.h \
	%D%/manifest/manifest.c %D%/manifest/manifest.h \
	%D%/manifest/manifest_check.c %D%/manifest/manifest_check.h \
	%D%/manifest/manifest_index.c %D%/manifest/manifest_index.h \
	%D%/manifest/manifest_line.c %D%/manifest/manifest_line.h \
	%D%/manifest/manifest_reader.c %D%/manifest/manifest_reader.h \
	%D%/space/collect.c %D%/space/collect.h \
	%D%/space/damaged.c %D%/space/damaged.h \
	%D%/space/evict.c %D%/space/evict.h \
	%D%/space/leftover.c %D%/space/leftover.h \
	%D%/space/marks.c %D%/space/marks.h \
	%D%/space/pins.c %D%/space/pins.h \
	%D%/space/space.c %D%/space/space.h \
	%D%/space/usage.c %D%/space/usage.h \
	%D%/space/usage_walk.c \
	%D%/unpack/entry.c %D%/unpack/entry.h \
	%D%/unpack/entry_quote.c \
	%D%/unpack/image.c %D%/unpack/image.h \
	%D%/unpack/inflate.c %D%/unpack/inflate.h \
	%D%/unpack/inflate_archive.c \
	%D%/unpack/inflate_coder.h \
	%D%/unpack/inflate_gzip.c \
	%D%/unpack/inflate_xz.c \
	%D%/unpack/limits.c %D%/unpack/limits.h \
	%D%/unpack/ring.c %D%/unpack/ring.h \
	%D%/unpack/sandbox.c %D%/unpack/sandbox.h \
	%D%/unpack/sandbox_filter.c \
	%D%/unpack/sandbox_landlock.c \
	%D%/unpack/sandbox_message.c %D%/unpack/sandbox_message.h \
	%D%/unpack/sandbox_unpack.c %D%/unpack/sandbox_unpack.h \
	%D%/unpack/sandbox_walls.c %D%/unpack/sandbox_walls.h \
	%D%/unpack/siphash.c %D%/unpack/siphash.h \
	%D%/unpack/stream.c %D%/unpack/stream.h \
	%D%/unpack/tar.c %D%/unpack/tar.h \
	%D%/unpack/tree.c %D%/unpack/tree.h \
	%D%/unpack/unpack.c %D%/unpack/unpack.h \
	%D%/unpack/unpack_dirs.c %D%/unpack/unpack_dirs.h \
	%D%/unpack/unpack_image.c %D%/unpack/unpack_image.h \
	%D%/unpack/walk.c %D%/unpack/walk.h \
	%D%/unpack/worker.c %D%/unpack/worker.h \
	%D%/unpack/writeback.c %D%/unpack/writeback.h \
	%D%/unpack/writer.c %D%/unpack/writer.h \
	%D%/unpack/writer_make.c %D%/unpack/writer_make.h \
	%D%/unpack/zstd_frames.c %D%/unpack/zstd_frames.h
SLUGSTORE_LIBS = libslugstore.a $(ARCHIVE_LIBS) $(INFLATE_LIBS) $(GNUTLS_LIBS) \
	$(SECCOMP_LIBS)

# Making slugs: the command's alone.
noinst_LIBRARIES += libslugpack.a
libslugpack_a_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS)
libslugpack_a_SOURCES = \
	%D%/pack/convert.c %D%/pack/convert.h \
	%D%/pack/glob.c %D%/pack/glob.h \
	%D%/pack/output.c %D%/pack/output.h \
	%D%/pack/pack.c %D%/pack/pack.h \
	%D%/pack/slugignore.c %D%/pack/slugignore.h \
	%D%/pack/tarball.c %D%/pack/tarball.h

# What comes and goes by the network: for the command only.
noinst_LIBRARIES += libtransfer.a
libtransfer_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
libtransfer_a_SOURCES = \
	%D%/transfer/download.c %D%/transfer/download.h \
	%D%/transfer/erase.c %D%/transfer/erase.h \
	%D%/transfer/fetch.c %D%/transfer/fetch.h \
	%D%/transfer/reply.c %D%/transfer/reply.h \
	%D%/transfer/request.c %D%/transfer/request.h \
	%D%/transfer/retry.c %D%/transfer/retry.h \
	%D%/transfer/s3.c %D%/transfer/s3.h \
	%D%/transfer/source.c %D%/transfer/source.h \
	%D%/transfer/target.c %D%/transfer/target.h \
	%D%/transfer/upload.c %D%/transfer/upload.h
TRANSFER_LIBS = libtransfer.a $(SLUGSTORE_LIBS) $(CURL_LIBS)

# The command.
bin_PROGRAMS += dyno-slug
dyno_slug_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
dyno_slug_SOURCES = \
	%D%/dyno-slug/dyno-slug.c \
	%D%/dyno-slug/figure.c %D%/dyno-slug/figure.h \
	%D%/dyno-slug/progress.c %D%/dyno-slug/progress.h \
	%D%/dyno-slug/slug.c %D%/dyno-slug/slug.h \
	%D%/dyno-slug/slug_name.c \
	%D%/dyno-slug/slug_record.c %D%/dyno-slug/slug_record.h \
	%D%/dyno-slug/verb_check.c \
	%D%/dyno-slug/verb_convert.c \
	%D%/dyno-slug/verb_create.c \
	%D%/dyno-slug/verb_du.c \
	%D%/dyno-slug/verb_gc.c \
	%D%/dyno-slug/verb_get.c \
	%D%/dyno-slug/verb_import.c %D%/dyno-slug/verb_keep.c \
	%D%/dyno-slug/verb_ls.c \
	%D%/dyno-slug/verb_put.c \
	%D%/dyno-slug/verb_rm.c \
	%D%/dyno-slug/verb_show.c \
	%D%/dyno-slug/verb_verify.c
dyno_slug_LDADD = libslugpack.a $(TRANSFER_LIBS) $(JANSSON_LIBS) $(BASE_LIBS)
