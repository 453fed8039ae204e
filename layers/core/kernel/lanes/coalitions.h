/* Coalitions in the bits of words: the beginnings of an order, then their complements.
 *
 *      lanes     0 .. p-2      the first 1 .. p-1 players of the order are taken from the row
 *                p-1 .. 2p-3   the same ones are taken from the background row
 *
 * The ends of a walk, nobody and everybody, are the background row and the row themselves and have no lane.
 */
#ifndef WHYBOX_COALITIONS_H
#define WHYBOX_COALITIONS_H

#include "words.h"

#include <stddef.h>

static inline size_t wb_count_words(int64_t n_players)
{
    return (size_t)((2 * n_players - 2 + WB_LANES - 1) / WB_LANES);
}

/* Lanes from `first` to `end` of one word. */
static inline uint64_t wb_lanes_between(int64_t first, int64_t end, int64_t word)
{
    const int64_t start = word * WB_LANES;
    first = first < start ? 0 : first - start;
    end = end < start ? 0 : end - start;
    if (first >= WB_LANES || first >= end)
        return 0;
    const uint64_t below_end = end >= WB_LANES ? ~0ull : (1ull << end) - 1;
    return below_end & (~0ull << first);
}

/* joined (players, words): the lanes that take a player from the row. */
static inline void wb_write_joined(uint64_t *joined, const int64_t *order, int64_t n_players, int64_t n_words)
{
    const int64_t half = n_players - 1;
    for (int64_t rank = 0; rank < n_players; rank++)
        for (int64_t word = 0; word < n_words; word++)
            joined[order[rank] * n_words + word] =
                wb_lanes_between(rank, half, word) | wb_lanes_between(half, half + rank, word);
}

/* steps[k]: what the first k + 1 players add to a sum over players when they are taken from the row. */
static inline void wb_write_steps(double *restrict steps, const double *restrict gains, const int64_t *order,
                                  int64_t n_players)
{
    double total = 0.0;
    for (int64_t rank = 0; rank < n_players; rank++) {
        total += gains[order[rank]];
        steps[rank] = total;
    }
}

/* The sum in the 64 lanes of a word: from the start on, and back from the end. */
static inline void wb_write_line(double *restrict line, double start, double end, const double *restrict steps,
                                 int64_t n_players, int64_t word)
{
    const int64_t half = n_players - 1, first = word * WB_LANES;
    const int64_t n_there = half - first < 0 ? 0 : half - first < WB_LANES ? half - first : WB_LANES;
    const int64_t rest = 2 * half - first, n_all = rest < WB_LANES ? rest : WB_LANES;
    for (int64_t lane = 0; lane < n_there; lane++)
        line[lane] = start + steps[first + lane];
    for (int64_t lane = n_there; lane < n_all; lane++)
        line[lane] = end - steps[first + lane - half];
    for (int64_t lane = n_all; lane < WB_LANES; lane++)
        line[lane] = 0.0;
}

/* What each step adds: half of what it adds there minus back, from answers (words, `stride`) of one output. */
static inline void wb_write_pair(const double *answers, int64_t stride, double start, double end, const int64_t *order,
                                 int64_t n_players, double *pair, int64_t step)
{
    const double span = 0.5 * (end - start);
    double before = -span;
    for (int64_t rank = 0; rank + 1 < n_players; rank++) {
        const int64_t there = rank, back = n_players - 1 + rank;
        const double after = 0.5 * (answers[there / WB_LANES * stride + there % WB_LANES] -
                                    answers[back / WB_LANES * stride + back % WB_LANES]);
        pair[order[rank] * step] = after - before;
        before = after;
    }
    pair[order[n_players - 1] * step] = span - before;
}

#endif
