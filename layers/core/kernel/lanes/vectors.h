/* Vectors of doubles, one row each: what a level's registers hold, and masks of the rows that do not meet a test.
 *
 * Masks lie in memory as one int16 for each row, 0 or -1, and are widened when they are used.
 */
#ifndef WHYBOX_VECTORS_H
#define WHYBOX_VECTORS_H

#include <stdint.h>

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#include <immintrin.h>
#define WB_WIDTH 8
typedef __m512d wb_rows;
typedef __mmask8 wb_mask;
static inline wb_rows wb_load(const double *at) { return _mm512_loadu_pd(at); }
static inline void wb_store(double *at, wb_rows a) { _mm512_storeu_pd(at, a); }
static inline wb_rows wb_all(double a) { return _mm512_set1_pd(a); }
static inline wb_rows wb_add(wb_rows a, wb_rows b) { return _mm512_add_pd(a, b); }
static inline wb_rows wb_multiply(wb_rows a, wb_rows b) { return _mm512_mul_pd(a, b); }
static inline wb_mask wb_load_mask(const int16_t *at)
{
    return _mm_movepi16_mask(_mm_loadu_si128((const __m128i *)at));
}
static inline wb_rows wb_choose(wb_mask m, wb_rows where, wb_rows elsewhere)
{
    return _mm512_mask_blend_pd(m, elsewhere, where);
}
static inline wb_rows wb_multiply_where(wb_mask m, wb_rows a, wb_rows b)
{
    return _mm512_mask_mul_pd(a, m, a, b);
}

#elif defined(__AVX2__)
#include <immintrin.h>
#define WB_WIDTH 4
typedef __m256d wb_rows;
typedef __m256d wb_mask;
static inline wb_rows wb_load(const double *at) { return _mm256_loadu_pd(at); }
static inline void wb_store(double *at, wb_rows a) { _mm256_storeu_pd(at, a); }
static inline wb_rows wb_all(double a) { return _mm256_set1_pd(a); }
static inline wb_rows wb_add(wb_rows a, wb_rows b) { return _mm256_add_pd(a, b); }
static inline wb_rows wb_multiply(wb_rows a, wb_rows b) { return _mm256_mul_pd(a, b); }
static inline wb_mask wb_load_mask(const int16_t *at)
{
    return _mm256_castsi256_pd(_mm256_cvtepi16_epi64(_mm_loadl_epi64((const __m128i *)at)));
}
static inline wb_rows wb_choose(wb_mask m, wb_rows where, wb_rows elsewhere)
{
    return _mm256_blendv_pd(elsewhere, where, m);
}
static inline wb_rows wb_multiply_where(wb_mask m, wb_rows a, wb_rows b)
{
    return wb_choose(m, wb_multiply(a, b), a);
}

#elif defined(__SSE2__)
#include <emmintrin.h>
#include <string.h>
#define WB_WIDTH 2
typedef __m128d wb_rows;
typedef __m128d wb_mask;
static inline wb_rows wb_load(const double *at) { return _mm_loadu_pd(at); }
static inline void wb_store(double *at, wb_rows a) { _mm_storeu_pd(at, a); }
static inline wb_rows wb_all(double a) { return _mm_set1_pd(a); }
static inline wb_rows wb_add(wb_rows a, wb_rows b) { return _mm_add_pd(a, b); }
static inline wb_rows wb_multiply(wb_rows a, wb_rows b) { return _mm_mul_pd(a, b); }
static inline wb_mask wb_load_mask(const int16_t *at)
{
    int32_t both;
    memcpy(&both, at, sizeof both);
    __m128i m = _mm_cvtsi32_si128(both);
    m = _mm_unpacklo_epi16(m, m);
    return _mm_castsi128_pd(_mm_unpacklo_epi32(m, m));
}
static inline wb_rows wb_choose(wb_mask m, wb_rows where, wb_rows elsewhere)
{
    return _mm_or_pd(_mm_and_pd(m, where), _mm_andnot_pd(m, elsewhere));
}
static inline wb_rows wb_multiply_where(wb_mask m, wb_rows a, wb_rows b)
{
    return wb_choose(m, wb_multiply(a, b), a);
}

#elif defined(__ARM_NEON)
#include <arm_neon.h>
#include <string.h>
#define WB_WIDTH 2
typedef float64x2_t wb_rows;
typedef uint64x2_t wb_mask;
static inline wb_rows wb_load(const double *at) { return vld1q_f64(at); }
static inline void wb_store(double *at, wb_rows a) { vst1q_f64(at, a); }
static inline wb_rows wb_all(double a) { return vdupq_n_f64(a); }
static inline wb_rows wb_add(wb_rows a, wb_rows b) { return vaddq_f64(a, b); }
static inline wb_rows wb_multiply(wb_rows a, wb_rows b) { return vmulq_f64(a, b); }
static inline wb_mask wb_load_mask(const int16_t *at)
{
    int32_t both;
    memcpy(&both, at, sizeof both);
    const int32x4_t wide = vmovl_s16(vreinterpret_s16_s32(vdup_n_s32(both)));
    return vreinterpretq_u64_s64(vmovl_s32(vget_low_s32(wide)));
}
static inline wb_rows wb_choose(wb_mask m, wb_rows where, wb_rows elsewhere)
{
    return vbslq_f64(m, where, elsewhere);
}
static inline wb_rows wb_multiply_where(wb_mask m, wb_rows a, wb_rows b)
{
    return wb_choose(m, wb_multiply(a, b), a);
}

#else
#define WB_WIDTH 1
typedef double wb_rows;
typedef int16_t wb_mask;
static inline wb_rows wb_load(const double *at) { return *at; }
static inline void wb_store(double *at, wb_rows a) { *at = a; }
static inline wb_rows wb_all(double a) { return a; }
static inline wb_rows wb_add(wb_rows a, wb_rows b) { return a + b; }
static inline wb_rows wb_multiply(wb_rows a, wb_rows b) { return a * b; }
static inline wb_mask wb_load_mask(const int16_t *at) { return *at; }
static inline wb_rows wb_choose(wb_mask m, wb_rows where, wb_rows elsewhere) { return m ? where : elsewhere; }
static inline wb_rows wb_multiply_where(wb_mask m, wb_rows a, wb_rows b) { return m ? a * b : a; }
#endif

#endif
