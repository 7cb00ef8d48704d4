#pragma once

/*
 * corpus.h - what a fuzz target without libFuzzer does in main().
 */

/* Feeds file() every file of the directories argv[1...], or of tests/fuzz/<name>
 * below top_srcdir without any; an argument may be a file. The exit status: 0, or
 * 1 if a file was bad or there was none. */
int corpus_run(int argc, char **argv, const char *name, int (*file)(const char *path));
