/* Coalitions in the bits of words: the beginnings of an order, then their complements.
 *
 *      lanes     0 .. p         the first 0 .. p players of the order are taken from the row
 *                p+1 .. 2p+1    the same ones are taken from the background row
 */
#ifndef WHYBOX_COALITIONS_H
#define WHYBOX_COALITIONS_H

#include "words.h"

#include <stddef.h>

static inline size_t wb_count_words(int64_t n_players)
{
    return (size_t)((2 * n_players + 2 + WB_LANES - 1) / WB_LANES);
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

static inline uint64_t wb_all_lanes(int64_t n_players, int64_t word)
{
    return wb_lanes_between(0, 2 * n_players + 2, word);
}

/* The lanes that take the player of a rank from the row. */
static inline uint64_t wb_joined(int64_t rank, int64_t n_players, int64_t word)
{
    const int64_t back = n_players + 1;
    return wb_lanes_between(rank + 1, back, word) | wb_lanes_between(back, back + rank + 1, word);
}

/* steps (players + 1): what the first k players add to a sum over players when they are taken from the row. */
static inline void wb_write_steps(double *restrict steps, const double *restrict gains, const int64_t *order,
                                  int64_t n_players)
{
    steps[0] = 0.0;
    for (int64_t rank = 0; rank < n_players; rank++)
        steps[rank + 1] = steps[rank] + gains[order[rank]];
}

/* steps (sums, players + 1): how each sum changes along the order, from its parts (sums, players) in both rows. */
static inline void wb_write_sum_steps(double *restrict steps, double *restrict gains, const double *own,
                                      const double *other, const int64_t *order, int64_t n_sums, int64_t n_players)
{
    for (int64_t sum = 0; sum < n_sums; sum++) {
        for (int64_t player = 0; player < n_players; player++)
            gains[player] = own[sum * n_players + player] - other[sum * n_players + player];
        wb_write_steps(steps + sum * (n_players + 1), gains, order, n_players);
    }
}

/* The sums of a row: of its parts over all players. */
static inline void wb_add_up(const double *parts, int64_t n_sums, int64_t n_players, double *totals)
{
    for (int64_t sum = 0; sum < n_sums; sum++) {
        totals[sum] = 0.0;
        for (int64_t player = 0; player < n_players; player++)
            totals[sum] += parts[sum * n_players + player];
    }
}

/* The sum in the 64 lanes of a word: from the start on, and back from the end. */
static inline void wb_write_line(double *restrict line, double start, const double *restrict steps, int64_t n_players,
                                 int64_t word)
{
    const int64_t first = word * WB_LANES, back = n_players + 1 - first, stop = 2 * n_players + 2 - first;
    const int64_t n_there = back < 0 ? 0 : back < WB_LANES ? back : WB_LANES, n_all = stop < WB_LANES ? stop : WB_LANES;
    const double end = start + steps[n_players];
    for (int64_t lane = 0; lane < n_there; lane++)
        line[lane] = start + steps[first + lane];
    for (int64_t lane = n_there; lane < n_all; lane++)
        line[lane] = end - steps[lane - back];
    for (int64_t lane = n_all; lane < WB_LANES; lane++)
        line[lane] = 0.0;
}

/* What each step adds: half of what it adds there minus back, from answers (words, `stride`) of one output. */
static inline void wb_write_pair(const double *answers, int64_t stride, const int64_t *order, int64_t n_players,
                                 double *pair, int64_t step)
{
    double before = 0.0;
    for (int64_t k = 0; k <= n_players; k++) {
        const int64_t there = k, back = n_players + 1 + k;
        const double now = 0.5 * (answers[there / WB_LANES * stride + there % WB_LANES] -
                                  answers[back / WB_LANES * stride + back % WB_LANES]);
        if (k)
            pair[order[k - 1] * step] = now - before;
        before = now;
    }
}

#endif
