/* Rows: 16 of them side by side, one bit or one double each, for what all of them do together. */
#ifndef WHYBOX_ROWS_H
#define WHYBOX_ROWS_H

#include "../levels.h"

#include <string.h>

#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

enum { WB_ROWS = 16 };

/* Add `value` to the rows of `mask`. */
static inline void wb_add_rows(double *sums, uint32_t mask, double value)
{
#if defined(__AVX512F__)
    const __m512d added = _mm512_set1_pd(value), low = _mm512_loadu_pd(sums), high = _mm512_loadu_pd(sums + 8);
    _mm512_storeu_pd(sums, _mm512_mask_add_pd(low, (__mmask8)mask, low, added));
    _mm512_storeu_pd(sums + 8, _mm512_mask_add_pd(high, (__mmask8)(mask >> 8), high, added));
#elif defined(__AVX2__)
    const __m256i bits = _mm256_set_epi64x(8, 4, 2, 1);
    const __m256d added = _mm256_set1_pd(value);
    for (int part = 0; part < 4; part++) {
        const __m256i four = _mm256_and_si256(_mm256_set1_epi64x((int64_t)(mask >> 4 * part)), bits);
        const __m256d chosen = _mm256_and_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(four, bits)), added);
        _mm256_storeu_pd(sums + 4 * part, _mm256_add_pd(_mm256_loadu_pd(sums + 4 * part), chosen));
    }
#else
    for (; mask; mask &= mask - 1)
        sums[__builtin_ctz(mask)] += value;
#endif
}

/* One byte, or one double, for each row. */
typedef uint8_t wb_bytes __attribute__((vector_size(WB_ROWS)));
typedef double wb_sixteen __attribute__((vector_size(WB_ROWS * sizeof(double))));

static inline wb_bytes wb_every_byte(uint8_t byte)
{
    return byte - (wb_bytes){0};
}

/* The lowest bit of every byte, in the order of the rows. */
static inline uint32_t wb_gather_bits(wb_bytes bytes)
{
    uint32_t bits = 0;
    for (int half = 0; half < 2; half++) {
        uint64_t eight = 0; /* the product has the lowest bit of byte b at bit 56 + b */
        for (int row = 0; row < 8; row++)
            eight |= (uint64_t)bytes[8 * half + row] << 8 * row;
        bits |= (uint32_t)((eight & 0x0101010101010101u) * 0x0102040810204080u >> 56) << 8 * half;
    }
    return bits;
}

/* Sixteen values to be looked up: in registers where they can be looked up there. */
#if defined(__AVX512F__)
typedef struct {
    __m512d low, high;
} wb_values;

static inline wb_values wb_take_values(const wb_sixteen *at)
{
    return (wb_values){_mm512_load_pd(at), _mm512_load_pd((const double *)at + 8)};
}
#else
typedef const double *wb_values;

static inline wb_values wb_take_values(const wb_sixteen *at)
{
    return (const double *)at;
}
#endif

/* A value for each row, by its number. */
static inline wb_sixteen wb_look_up(wb_values values, const wb_bytes *numbers)
{
    wb_sixteen found;
#if defined(__AVX512F__)
    const uint8_t *const bytes = (const uint8_t *)numbers;
    const __m512i low = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)bytes));
    const __m512i high = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(bytes + 8)));
    const __m512d chosen[2] = {_mm512_permutex2var_pd(values.low, low, values.high),
                               _mm512_permutex2var_pd(values.low, high, values.high)};
    memcpy(&found, chosen, sizeof found);
#else
    for (int row = 0; row < WB_ROWS; row++)
        found[row] = values[(*numbers)[row]];
#endif
    return found;
}

#endif
