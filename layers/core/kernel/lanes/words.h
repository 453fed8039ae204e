/* Words: 64 lanes at once, one bit each, with the few operations that every level has its own way for. */
#ifndef WHYBOX_WORDS_H
#define WHYBOX_WORDS_H

#include "../levels.h"

#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

enum { WB_LANES = 64 };

/* Lanes whose value is at most `bound`. */
static inline uint64_t wb_at_most(const double *values, double bound)
{
    uint64_t word = 0;
#if defined(__AVX512F__)
    const __m512d most = _mm512_set1_pd(bound);
    for (int part = 0; part < 8; part++)
        word |= (uint64_t)_mm512_cmp_pd_mask(_mm512_loadu_pd(values + 8 * part), most, _CMP_LE_OQ) << 8 * part;
#elif defined(__AVX2__)
    const __m256d most = _mm256_set1_pd(bound);
    for (int part = 0; part < 16; part++) {
        const __m256d met = _mm256_cmp_pd(_mm256_loadu_pd(values + 4 * part), most, _CMP_LE_OQ);
        word |= (uint64_t)_mm256_movemask_pd(met) << 4 * part;
    }
#elif defined(__SSE2__)
    const __m128d most = _mm_set1_pd(bound);
    for (int part = 0; part < 32; part++)
        word |= (uint64_t)_mm_movemask_pd(_mm_cmple_pd(_mm_loadu_pd(values + 2 * part), most)) << 2 * part;
#else
    for (int lane = 0; lane < WB_LANES; lane++)
        word |= (uint64_t)(values[lane] <= bound) << lane;
#endif
    return word;
}

/* The same for float32 values. */
static inline uint64_t wb_narrow_at_most(const float *values, float bound)
{
    uint64_t word = 0;
#if defined(__AVX512F__)
    const __m512 most = _mm512_set1_ps(bound);
    for (int part = 0; part < 4; part++)
        word |= (uint64_t)_mm512_cmp_ps_mask(_mm512_loadu_ps(values + 16 * part), most, _CMP_LE_OQ) << 16 * part;
#elif defined(__AVX2__)
    const __m256 most = _mm256_set1_ps(bound);
    for (int part = 0; part < 8; part++) {
        const __m256 met = _mm256_cmp_ps(_mm256_loadu_ps(values + 8 * part), most, _CMP_LE_OQ);
        word |= (uint64_t)(uint8_t)_mm256_movemask_ps(met) << 8 * part;
    }
#elif defined(__SSE2__)
    const __m128 most = _mm_set1_ps(bound);
    for (int part = 0; part < 16; part++)
        word |= (uint64_t)_mm_movemask_ps(_mm_cmple_ps(_mm_loadu_ps(values + 4 * part), most)) << 4 * part;
#else
    for (int lane = 0; lane < WB_LANES; lane++)
        word |= (uint64_t)(values[lane] <= bound) << lane;
#endif
    return word;
}

/* For each of n words, add its value to the sums of its lanes, in this order. */
static inline void wb_add_where(double *sums, const uint64_t *words, const double *values, int64_t n)
{
#if defined(__AVX512F__)
    __m512d kept[8];
    for (int part = 0; part < 8; part++)
        kept[part] = _mm512_loadu_pd(sums + 8 * part);
    for (int64_t at = 0; at < n; at++) {
        const __m512d added = _mm512_set1_pd(values[at]);
        const __mmask8 *lanes = (const __mmask8 *)(words + at);
        for (int part = 0; part < 8; part++)
            kept[part] = _mm512_mask_add_pd(kept[part], lanes[part], kept[part], added);
    }
    for (int part = 0; part < 8; part++)
        _mm512_storeu_pd(sums + 8 * part, kept[part]);
#elif defined(__AVX2__)
    const __m256i bits = _mm256_set_epi64x(8, 4, 2, 1);
    for (int64_t at = 0; at < n; at++) {
        const __m256d added = _mm256_set1_pd(values[at]);
        for (int part = 0; part < 16; part++) {
            const __m256i four = _mm256_and_si256(_mm256_set1_epi64x((int64_t)(words[at] >> 4 * part)), bits);
            const __m256d chosen = _mm256_and_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(four, bits)), added);
            _mm256_storeu_pd(sums + 4 * part, _mm256_add_pd(_mm256_loadu_pd(sums + 4 * part), chosen));
        }
    }
#else
    for (int64_t at = 0; at < n; at++)
        for (uint64_t word = words[at]; word; word &= word - 1)
            sums[__builtin_ctzll(word)] += values[at];
#endif
}

#endif
