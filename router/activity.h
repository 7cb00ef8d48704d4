#pragma once

/*
 * activity.h - which apps got requests, for the controller, which puts others to
 * sleep.
 *
 * HAProxy sends the name of the backend of each request as a datagram; this is where
 * they come in, and are told together every so many seconds. An app that somebody
 * waits for is told at once. What could not be told is told again.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct activity;
struct error;
struct http_client;

/* dir: where HAPROXY_CONF_LOG is made. client is borrowed. */
int activity_new(struct activity **ret, sd_event *event, struct http_client *client,
		 const char *dir, struct error *e);
struct activity *activity_free(struct activity *a);
DEFINE_AUTO(struct activity, activity_free)

/* 0: nobody wants to know, except who is waited for. */
void activity_every(struct activity *a, uint64_t sec);

/* A request waits for this app. */
void activity_waits(struct activity *a, const char *app);
