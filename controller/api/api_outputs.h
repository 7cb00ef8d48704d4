#pragma once

/*
 * api_outputs.h - the outputs of release commands, by URLs that are capabilities.
 */
#include "http/json.h"

struct api_call;

/* The output_stream_url of a release's doc: a string, or null if it has no command. */
json_t *api_outputs_url(const struct api_call *call, const json_t *release);
