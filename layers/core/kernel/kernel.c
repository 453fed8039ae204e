/* Levels: which this processor has, and the way from a primitive to its code for one of them. */
#include "levels.h"

#include <stdatomic.h>
#include <stddef.h>

#define WB_EXPORT __attribute__((visibility("default")))

#define WB_NAME(level) #level,
static const char *const NAMES[] = {WB_LEVELS(WB_NAME)};
#define N_LEVELS ((int32_t)(sizeof NAMES / sizeof NAMES[0]))

#if defined(__x86_64__)
#include <cpuid.h>

/* What the operating system saves of the vector registers (XCR0); Intel SDM vol. 1, 13.3. */
static uint32_t saved_state(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static int32_t ask_processor(void)
{
    const uint32_t popcnt_osxsave = 1u << 23 | 1u << 27, bmi_avx2_bmi2 = 1u << 3 | 1u << 5 | 1u << 8;
    const uint32_t f_dq_bw_vl = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, ymm = 0x6, zmm = 0xe6;
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & popcnt_osxsave) != popcnt_osxsave)
        return 0;
    const uint32_t saved = saved_state();
    if ((saved & ymm) != ymm || !__get_cpuid_count(7, 0, &a, &b, &c, &d) ||
        (b & bmi_avx2_bmi2) != bmi_avx2_bmi2)
        return 0;
    return (saved & zmm) == zmm && (b & f_dq_bw_vl) == f_dq_bw_vl ? 2 : 1;
}
#else
static int32_t ask_processor(void) { return 0; }
#endif

WB_EXPORT int32_t wb_best_level(void)
{
    /* Every call checks its level, and in a virtual machine asking the processor takes 12 microseconds. */
    static _Atomic int32_t known = -1;
    int32_t level = atomic_load_explicit(&known, memory_order_relaxed);
    if (level < 0) {
        level = ask_processor();
        atomic_store_explicit(&known, level, memory_order_relaxed);
    }
    return level;
}

WB_EXPORT int32_t wb_version(void) { return WB_VERSION; }

WB_EXPORT const char *wb_level_name(int32_t level)
{
    return level >= 0 && level < N_LEVELS ? NAMES[level] : NULL;
}

static int is_available(int32_t level) { return level >= 0 && level <= wb_best_level(); }

typedef int32_t path_dependent_at(const wb_leaves *, const double *, int64_t, double *);

WB_EXPORT int32_t wb_path_dependent(int32_t level, const wb_leaves *leaves, const double *rows,
                                    int64_t n_rows, double *values)
{
#define WB_PATH_DEPENDENT(name) WB_JOIN(wb_path_dependent, name),
    static path_dependent_at *const at[] = {WB_LEVELS(WB_PATH_DEPENDENT)};
    return is_available(level) ? at[level](leaves, rows, n_rows, values) : WB_BAD_LEVEL;
}

typedef int32_t interventional_at(const wb_leaves *, const wb_background *, const double *, int64_t, int64_t,
                                  double *);

WB_EXPORT int32_t wb_interventional(int32_t level, const wb_leaves *leaves, const wb_background *background,
                                    const double *rows, int64_t n_rows, int64_t n_asked, double *values)
{
#define WB_INTERVENTIONAL(name) WB_JOIN(wb_interventional, name),
    static interventional_at *const at[] = {WB_LEVELS(WB_INTERVENTIONAL)};
    return is_available(level) ? at[level](leaves, background, rows, n_rows, n_asked, values) : WB_BAD_LEVEL;
}

typedef int32_t interactions_at(const wb_leaves *, const wb_background *, const int64_t *, int64_t,
                                const double *, int64_t, int64_t, double *);

WB_EXPORT int32_t wb_interactions(int32_t level, const wb_leaves *leaves, const wb_background *background,
                                  const int64_t *pairs, int64_t n_pairs, const double *rows, int64_t n_rows,
                                  int64_t n_asked, double *values)
{
#define WB_INTERACTIONS(name) WB_JOIN(wb_interactions, name),
    static interactions_at *const at[] = {WB_LEVELS(WB_INTERACTIONS)};
    return is_available(level) ? at[level](leaves, background, pairs, n_pairs, rows, n_rows, n_asked, values)
                               : WB_BAD_LEVEL;
}
