dist_man_MANS += man/dynod.8
dist_man_MANS += %D%/dyno-supervisor.8
dist_man_MANS += %D%/dyno-slug.1
dist_man_MANS += %D%/dyno-controller.8
