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

/* Which of 64 bytes of two arrays have no bit in common. */
static inline uint64_t wb_are_apart(const uint8_t *a, const uint8_t *b)
{
#if defined(__AVX512BW__)
    return _mm512_testn_epi8_mask(_mm512_loadu_si512(a), _mm512_loadu_si512(b));
#elif defined(__AVX2__)
    uint64_t word = 0;
    for (int part = 0; part < 2; part++) {
        const __m256i first = _mm256_loadu_si256((const __m256i *)(a + 32 * part));
        const __m256i second = _mm256_loadu_si256((const __m256i *)(b + 32 * part));
        const __m256i apart = _mm256_cmpeq_epi8(_mm256_and_si256(first, second), _mm256_setzero_si256());
        word |= (uint64_t)(uint32_t)_mm256_movemask_epi8(apart) << 32 * part;
    }
    return word;
#elif defined(__SSE2__)
    uint64_t word = 0;
    for (int part = 0; part < 4; part++) {
        const __m128i first = _mm_loadu_si128((const __m128i *)(a + 16 * part));
        const __m128i second = _mm_loadu_si128((const __m128i *)(b + 16 * part));
        const __m128i apart = _mm_cmpeq_epi8(_mm_and_si128(first, second), _mm_setzero_si128());
        word |= (uint64_t)(uint16_t)_mm_movemask_epi8(apart) << 16 * part;
    }
    return word;
#else
    uint64_t word = 0;
    for (int lane = 0; lane < WB_LANES; lane++)
        word |= (uint64_t)((a[lane] & b[lane]) == 0) << lane;
    return word;
#endif
}

typedef struct {
    uint64_t lone, several;
} wb_switched;

/* Of 64 pairs of bytes without a bit in common: which have one bit between them, and which several. */
static inline wb_switched wb_sort_switched(const uint8_t *a, const uint8_t *b)
{
#if defined(__AVX512BW__)
    const __m512i first = _mm512_loadu_si512(a), second = _mm512_loadu_si512(b), all = _mm512_or_si512(first, second);
    const __m512i rest = _mm512_and_si512(all, _mm512_add_epi8(all, _mm512_set1_epi8(-1)));
    const uint64_t any = _mm512_test_epi8_mask(all, all) & _mm512_testn_epi8_mask(first, second);
    const uint64_t more = _mm512_test_epi8_mask(rest, rest);
#elif defined(__AVX2__)
    uint64_t any = 0, more = 0;
    for (int part = 0; part < 2; part++) {
        const __m256i none = _mm256_setzero_si256(), first = _mm256_loadu_si256((const __m256i *)(a + 32 * part));
        const __m256i second = _mm256_loadu_si256((const __m256i *)(b + 32 * part));
        const __m256i all = _mm256_or_si256(first, second);
        const __m256i rest = _mm256_and_si256(all, _mm256_add_epi8(all, _mm256_set1_epi8(-1)));
        const __m256i apart = _mm256_cmpeq_epi8(_mm256_and_si256(first, second), none);
        const __m256i met = _mm256_andnot_si256(_mm256_cmpeq_epi8(all, none), apart);
        any |= (uint64_t)(uint32_t)_mm256_movemask_epi8(met) << 32 * part;
        more |= (uint64_t)(uint32_t)~_mm256_movemask_epi8(_mm256_cmpeq_epi8(rest, none)) << 32 * part;
    }
#elif defined(__SSE2__)
    uint64_t any = 0, more = 0;
    for (int part = 0; part < 4; part++) {
        const __m128i none = _mm_setzero_si128(), first = _mm_loadu_si128((const __m128i *)(a + 16 * part));
        const __m128i second = _mm_loadu_si128((const __m128i *)(b + 16 * part)), all = _mm_or_si128(first, second);
        const __m128i rest = _mm_and_si128(all, _mm_add_epi8(all, _mm_set1_epi8(-1)));
        const __m128i apart = _mm_cmpeq_epi8(_mm_and_si128(first, second), none);
        const __m128i met = _mm_andnot_si128(_mm_cmpeq_epi8(all, none), apart);
        any |= (uint64_t)(uint16_t)_mm_movemask_epi8(met) << 16 * part;
        more |= (uint64_t)(uint16_t)~_mm_movemask_epi8(_mm_cmpeq_epi8(rest, none)) << 16 * part;
    }
#else
    uint64_t any = 0, more = 0;
    for (int lane = 0; lane < WB_LANES; lane++) {
        const uint8_t all = a[lane] | b[lane];
        any |= (uint64_t)(all != 0 && (a[lane] & b[lane]) == 0) << lane;
        more |= (uint64_t)((all & (all - 1)) != 0) << lane;
    }
#endif
    return (wb_switched){any & ~more, any & more};
}

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

/* Lanes whose value is at most `bound`, or missing (NaN). */
static inline uint64_t wb_at_most_or_missing(const double *values, double bound)
{
    uint64_t word = 0;
#if defined(__AVX512F__)
    const __m512d most = _mm512_set1_pd(bound);
    for (int part = 0; part < 8; part++)
        word |= (uint64_t)_mm512_cmp_pd_mask(_mm512_loadu_pd(values + 8 * part), most, _CMP_NGT_UQ) << 8 * part;
#else
    for (int lane = 0; lane < WB_LANES; lane++)
        word |= (uint64_t)!(values[lane] > bound) << lane;
#endif
    return word;
}

/* Lanes whose float32 value is at most `bound`. */
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
