/* Hidden walks: leaves on 64 coalitions at a time, one bit each, along permutations and along their complements.
 *
 *      lanes     0 .. p-2      the first 1 .. p-1 players of the order are taken from the row
 *                p-1 .. 2p-3   the same ones are taken from the background row
 *
 * With the patterns a of the row and c of the background row, a leaf is on in the lanes that take all players of
 * ~c and none of ~a from the row (no lane where they have one in common), and whose hidden columns meet its
 * planes. The ends of a walk are the row and the background row themselves and are known.
 */
#include "hidden_columns.h"

#include "../played.h"
#include "walk_levels.h"

#include <stdlib.h>

/* Working arrays of one call. */
typedef struct {
    int64_t n_words;
    uint64_t *joined;       /* (players, words): lanes that take the player from the row */
    uint64_t *patterns;     /* (shared rows, leaves) */
    uint64_t *missed;       /* (leaves): conditions that the background row does not meet */
    uint64_t *taken;        /* (words, leaves): lanes that take all of these players from the row */
    int64_t *reached;       /* leaves that row and background row reach together */
    uint64_t *on;           /* their lanes, of those that have any */
    double *worth;          /* (margins, leaves): the values of these */
    uint64_t *planes;
    double *ends, *start;   /* (shared rows, n_sums), (n_sums): sums over own columns */
    double *steps;          /* (n_sums, players): how the sums change along the order */
    double *sums, *columns; /* (n_sums, 64), (hidden columns, 64) */
    float *narrow;          /* (hidden columns, 64) */
    double *answers;        /* (words, margins, 64) */
    uint32_t *cells;        /* of a row's columns */
} scratch;

static int make_room(scratch *room, const wb_hidden_game *game, const wb_played *leaves, int64_t n_shared)
{
    const size_t n_players = (size_t)game->n_players, n_sums = (size_t)game->n_sums + 1, n_rows = (size_t)n_shared + 1;
    const size_t n_words = (2 * n_players - 2 + WB_LANES - 1) / WB_LANES, n_leaves = (size_t)leaves->n_leaves + 1;
    const size_t n_hidden = (size_t)leaves->n_hidden + 1, n_margins = (size_t)leaves->n_margins;
    room->n_words = (int64_t)n_words;
    room->joined = malloc((n_players * n_words + 1) * sizeof *room->joined);
    room->patterns = malloc(n_leaves * n_rows * sizeof *room->patterns);
    room->missed = malloc(n_leaves * sizeof *room->missed);
    room->taken = malloc(n_leaves * (n_words + 1) * sizeof *room->taken);
    room->reached = malloc(n_leaves * sizeof *room->reached);
    room->on = malloc(n_leaves * sizeof *room->on);
    room->worth = malloc(n_leaves * n_margins * sizeof *room->worth);
    room->planes = malloc(((size_t)leaves->n_planes + 1) * sizeof *room->planes);
    room->ends = malloc(n_rows * n_sums * sizeof *room->ends);
    room->start = malloc(n_sums * sizeof *room->start);
    room->steps = malloc(n_sums * n_players * sizeof *room->steps);
    room->sums = malloc(n_sums * WB_LANES * sizeof *room->sums);
    room->columns = malloc(n_hidden * WB_LANES * sizeof *room->columns);
    room->narrow = malloc(n_hidden * WB_LANES * sizeof *room->narrow);
    room->answers = malloc((n_words * n_margins + 1) * WB_LANES * sizeof *room->answers);
    room->cells = malloc(((size_t)leaves->traced->n_columns + 1) * sizeof *room->cells);
    return room->joined && room->patterns && room->missed && room->taken && room->reached && room->on && room->worth &&
           room->planes && room->ends && room->start && room->steps && room->sums && room->columns && room->narrow &&
           room->answers && room->cells;
}

static void give_room_back(scratch *room)
{
    void *const all[] = {room->joined, room->patterns, room->missed, room->taken, room->reached,
                         room->on,     room->worth,    room->planes, room->ends,  room->start,
                         room->steps,  room->sums,     room->columns, room->narrow, room->answers, room->cells};
    for (size_t at = 0; at < sizeof all / sizeof all[0]; at++)
        free(all[at]);
}

/* Lanes from `first` to `end` of one word. */
static uint64_t lanes_between(int64_t first, int64_t end, int64_t word)
{
    const int64_t start = word * WB_LANES;
    first = first < start ? 0 : first - start;
    end = end < start ? 0 : end - start;
    if (first >= WB_LANES || first >= end)
        return 0;
    const uint64_t below_end = end >= WB_LANES ? ~0ull : (1ull << end) - 1;
    return below_end & (~0ull << first);
}

static void write_joined(scratch *room, const int64_t *order, int64_t n_players)
{
    const int64_t half = n_players - 1;
    for (int64_t at = 0; at < n_players * room->n_words; at++)
        room->joined[at] = 0;
    for (int64_t rank = 0; rank < n_players; rank++)
        for (int64_t word = 0; word < room->n_words; word++)
            room->joined[order[rank] * room->n_words + word] =
                lanes_between(rank, half, word) | lanes_between(half, half + rank, word);
}

/* The lanes of each leaf, as far as the background row decides: those that take all it misses from the row. */
static void write_taken(scratch *room, const wb_played *leaves, const double *other, int64_t n_players)
{
    wb_read_played(leaves, other, room->cells, room->missed);
    for (int64_t number = 0; number < leaves->n_leaves; number++) {
        const wb_played_leaf *leaf = leaves->leaves + number;
        room->missed[number] ^= ((uint64_t)1 << leaf->n_conditions) - 1;
        for (int64_t word = 0; word < room->n_words; word++) {
            uint64_t lanes = lanes_between(0, 2 * n_players - 2, word);
            for (uint64_t missed = room->missed[number]; missed; missed &= missed - 1)
                lanes &= room->joined[leaf->conditions[__builtin_ctzll(missed)].player * room->n_words + word];
            room->taken[word * leaves->n_leaves + number] = lanes;
        }
    }
}

/* steps[sum, k]: what the first k + 1 players add to a sum when they are taken from the row. */
static void write_steps(scratch *room, const wb_hidden_game *game, const double *own, const double *other,
                        const int64_t *order)
{
    for (int64_t sum = 0; sum < game->n_sums; sum++) {
        const double *from = own + sum * game->n_players, *instead = other + sum * game->n_players;
        double total = 0.0;
        for (int64_t rank = 0; rank < game->n_players; rank++) {
            total += from[order[rank]] - instead[order[rank]];
            room->steps[sum * game->n_players + rank] = total;
        }
    }
}

static void add_up(const double *parts, int64_t n_sums, int64_t n_players, double *totals)
{
    for (int64_t sum = 0; sum < n_sums; sum++) {
        totals[sum] = 0.0;
        for (int64_t player = 0; player < n_players; player++)
            totals[sum] += parts[sum * n_players + player];
    }
}

/* Sums of the 64 lanes of a word: start plus steps, or end minus steps. */
static void write_sums(scratch *room, const wb_hidden_game *game, const double *ends, int64_t word)
{
    const int64_t half = game->n_players - 1, first = word * WB_LANES;
    for (int64_t sum = 0; sum < game->n_sums; sum++) {
        const double *steps = room->steps + sum * game->n_players;
        const double start = room->start[sum], end = ends[sum];
        double *out = room->sums + sum * WB_LANES;
        for (int64_t lane = 0; lane < WB_LANES; lane++) {
            const int64_t at = first + lane;
            out[lane] = at < half ? start + steps[at] : at < 2 * half ? end - steps[at - half] : 0.0;
        }
    }
}

static void write_planes(scratch *room, const wb_played *leaves)
{
    for (int64_t at = 0; at < leaves->n_hidden * WB_LANES; at++)
        room->narrow[at] = (float)room->columns[at];
    for (int64_t number = 0; number < leaves->n_planes; number++) {
        const wb_plane *plane = leaves->planes + number;
        const int64_t first = plane->column * WB_LANES;
        room->planes[number] = plane->is_narrow ? wb_narrow_at_most(room->narrow + first, plane->narrow)
                                                : wb_at_most(room->columns + first, plane->bound);
    }
}

/* The lanes in which a leaf is on. */
static inline uint64_t find_lanes(const scratch *room, const wb_played *leaves, const wb_played_leaf *leaf, uint64_t lanes,
                                  uint64_t pattern, int64_t word)
{
    const int32_t *sides = leaves->sides + leaf->first_side;
    for (int64_t bit = 0; bit < leaf->n_conditions; bit++)
        lanes &= ~room->joined[leaf->conditions[bit].player * room->n_words + word] | -(pattern >> bit & 1);
    for (int64_t at = 0; at < leaf->n_sides; at++)
        lanes &= room->planes[sides[at] >> 1] ^ -(uint64_t)(sides[at] & 1);
    return lanes;
}

static void answer_word(scratch *room, const wb_played *leaves, const uint64_t *pattern, int64_t n_reached, int64_t word)
{
    const int64_t n_leaves = leaves->n_leaves, n_margins = leaves->n_margins;
    double *answers = room->answers + word * n_margins * WB_LANES;
    int64_t n_on = 0;
    for (int64_t at = 0; at < n_reached; at++) {
        const int64_t number = room->reached[at];
        room->on[n_on] = find_lanes(room, leaves, leaves->leaves + number, room->taken[word * n_leaves + number],
                                    pattern[number], word);
        for (int64_t margin = 0; margin < n_margins; margin++)
            room->worth[margin * n_leaves + n_on] = leaves->leaves[number].values[margin];
        n_on += room->on[n_on] != 0;
    }
    for (int64_t at = 0; at < n_margins * WB_LANES; at++)
        answers[at] = 0.0;
    for (int64_t margin = 0; margin < n_margins; margin++)
        wb_add_where(answers + margin * WB_LANES, room->on, room->worth + margin * n_leaves, n_on);
}

/* Half of (there minus back) after k players, of one margin. */
static inline double half_way(const scratch *room, int64_t n_players, int64_t n_margins, int64_t margin, int64_t k,
                              double span)
{
    if (k == n_players)
        return span;
    const int64_t there = k - 1, back = n_players - 1 + k - 1, stride = n_margins * WB_LANES;
    const double *answers = room->answers + margin * WB_LANES;
    return 0.5 * (answers[there / WB_LANES * stride + there % WB_LANES] -
                  answers[back / WB_LANES * stride + back % WB_LANES]);
}

static void write_pairs(const scratch *room, const wb_hidden_game *game, const int64_t *order, const double *own,
                        const double *other, double *pairs)
{
    const int64_t n_margins = game->leaves->n_margins;
    for (int64_t margin = 0; margin < n_margins; margin++) {
        const double span = 0.5 * (own[margin] - other[margin]);
        double before = -span;
        for (int64_t rank = 0; rank < game->n_players; rank++) {
            const double after = half_way(room, game->n_players, n_margins, margin, rank + 1, span);
            pairs[order[rank] * n_margins + margin] = after - before;
            before = after;
        }
    }
}

typedef struct {
    int64_t row, background;
    const int64_t *order;
    const uint64_t *pattern; /* of the row */
    const double *ends;      /* its sums */
} pair;

static void walk(const wb_hidden_game *game, const wb_played *leaves, scratch *room, const pair *at, double *pairs)
{
    const int64_t n_parts = game->n_sums * game->n_players, n_margins = leaves->n_margins;
    const double *own = game->row_parts + at->row * n_parts, *other = game->background_parts + at->background * n_parts;
    int64_t n_reached = 0;
    for (int64_t leaf = 0; leaf < leaves->n_leaves; leaf++) {
        room->reached[n_reached] = leaf;
        n_reached += (room->missed[leaf] & ~at->pattern[leaf]) == 0;
    }
    write_steps(room, game, own, other, at->order);
    for (int64_t word = 0; word < room->n_words; word++) {
        write_sums(room, game, at->ends, word);
        wb_write_hidden(game, room->sums, room->columns);
        write_planes(room, leaves);
        answer_word(room, leaves, at->pattern, n_reached, word);
    }
    write_pairs(room, game, at->order, game->row_margins + at->row * n_margins,
                game->background_margins + at->background * n_margins, pairs);
}

static void walk_group(const wb_hidden_game *game, const wb_played *leaves, const wb_walks *walks, int64_t group,
                       scratch *room, double *pairs)
{
    const int64_t *rows = walks->rows + group * walks->n_shared;
    const int64_t n_values = game->n_players * leaves->n_margins, n_parts = game->n_sums * game->n_players;
    for (int64_t shared = 0; shared < walks->n_shared; shared++) {
        wb_read_played(leaves, game->rows + rows[shared] * game->n_own, room->cells,
                       room->patterns + shared * leaves->n_leaves);
        add_up(game->row_parts + rows[shared] * n_parts, game->n_sums, game->n_players,
               room->ends + shared * game->n_sums);
    }
    for (int64_t number = 0; number < walks->n_walks; number++) {
        const int64_t walked = group * walks->n_walks + number, background = walks->backgrounds[walked];
        const int64_t *order = walks->orders + walked * game->n_players;
        write_joined(room, order, game->n_players);
        write_taken(room, leaves, game->background + background * game->n_own, game->n_players);
        add_up(game->background_parts + background * n_parts, game->n_sums, game->n_players, room->start);
        for (int64_t shared = 0; shared < walks->n_shared; shared++) {
            const pair at = {rows[shared], background, order, room->patterns + shared * leaves->n_leaves,
                             room->ends + shared * game->n_sums};
            walk(game, leaves, room, &at, pairs + (shared * walks->n_walks + number) * n_values);
        }
    }
}

int32_t WB_AT(wb_hidden_walks)(const wb_hidden_game *game, const wb_walks *walks, double *pairs)
{
    wb_played leaves = {0};
    scratch room = {0};
    int32_t status = wb_play(game, &leaves);
    if (status == WB_OK)
        status = wb_check_walks(walks, game->n_rows, game->n_background, game->n_players);
    if (status == WB_OK && !make_room(&room, game, &leaves, walks->n_shared))
        status = WB_NO_MEMORY;
    for (int64_t group = 0; status == WB_OK && group < walks->n_groups; group++)
        walk_group(game, &leaves, walks, group, &room,
                   pairs + group * walks->n_shared * walks->n_walks * game->n_players * leaves.n_margins);
    give_room_back(&room);
    wb_put_away(&leaves);
    return status;
}
