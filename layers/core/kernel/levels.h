/* One source, several levels: a file in lanes/ names its functions WB_AT(name) and is compiled once per level. */
#ifndef WHYBOX_LEVELS_H
#define WHYBOX_LEVELS_H

#include "kernel.h"

#define WB_JOIN(name, level) name##_##level
#define WB_NAMED(name, level) WB_JOIN(name, level)
#define WB_AT(name) WB_NAMED(name, WB_LEVEL)

/* The primitives of one level: one line for each file in lanes/. */
#define WB_PRIMITIVES(level)                                                                                 \
    int32_t WB_JOIN(wb_path_dependent, level)(const wb_leaves *, const double *rows, int64_t n_rows,         \
                                              double *);                                                     \
    int32_t WB_JOIN(wb_interventional, level)(const wb_leaves *, const wb_background *, const double *rows,  \
                                              int64_t n_rows, int64_t n_asked, double *);                    \
    int32_t WB_JOIN(wb_interactions, level)(const wb_leaves *, const wb_background *, const int64_t *pairs,  \
                                            int64_t n_pairs, const double *rows, int64_t n_rows,             \
                                            int64_t n_asked, double *);

#if defined(__x86_64__)
#define WB_LEVELS(X) X(baseline) X(avx2) X(avx512)
#elif defined(__aarch64__)
#define WB_LEVELS(X) X(neon)
#else
#define WB_LEVELS(X) X(baseline)
#endif

WB_LEVELS(WB_PRIMITIVES)

#endif
