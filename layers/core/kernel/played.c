/* Taking leaves apart into own conditions and sides of planes; see played.h. */
#include "played.h"

#include "dealt.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CONDITIONS = 63 };

static int is_count(int64_t count)
{
    return count >= 0 && count <= INT32_MAX;
}

/* A hidden column is rounded at most: nothing of it is missing, and it has no categories. */
static int are_hidden_plain(const wb_hidden_game *game, int64_t n_hidden)
{
    const wb_leaves *leaves = game->leaves;
    for (int64_t column = 0; column < leaves->n_columns; column++) {
        const int64_t hidden = leaves->source[column] - game->n_own;
        if (hidden >= n_hidden || (hidden >= 0 && leaves->rules[column] & ~(WB_NARROW | WB_NAN_IS_ZERO)))
            return 0;
    }
    return 1;
}

/* Own columns belong to the first players, hidden ones to one player each behind them. */
static int do_players_fit(const wb_hidden_game *game)
{
    const wb_leaves *leaves = game->leaves;
    for (int64_t at = 0; at < leaves->n_conditions; at++) {
        const wb_condition *condition = leaves->conditions + at;
        for (int64_t test = 0; test < condition->n_tests; test++) {
            const int64_t column = leaves->tests[condition->first + test].column;
            const int64_t hidden = leaves->source[column] - game->n_own;
            if (hidden < 0 ? condition->player >= game->n_players : condition->player != game->n_players + hidden)
                return 0;
        }
    }
    return 1;
}

static int32_t check_game(const wb_hidden_game *game, int64_t *n_hidden)
{
    const wb_leaves *leaves = game->leaves;
    if (!is_count(game->n_own) || !is_count(game->n_players) || game->n_players < 1 || !is_count(game->n_layers) ||
        !is_count(game->n_rows) || !is_count(game->n_background))
        return WB_BAD_COUNT;
    const int32_t status = wb_check_layers(game->layers, game->n_layers, game->n_sums, n_hidden);
    if (status != WB_OK)
        return status;
    if (leaves->n_players != game->n_players + *n_hidden)
        return WB_BAD_COUNT;
    return are_hidden_plain(game, *n_hidden) && do_players_fit(game) ? WB_OK : WB_BAD_COLUMN;
}

static int make_room(wb_played *played, const wb_leaves *traced)
{
    played->leaves = malloc(((size_t)traced->n_leaves + 1) * sizeof *played->leaves);
    played->planes = malloc(((size_t)traced->n_cuts + 1) * sizeof *played->planes);
    played->sides = malloc((2 * (size_t)traced->n_tests + 1) * sizeof *played->sides);
    played->first_plane = malloc(((size_t)traced->n_columns + 1) * sizeof *played->first_plane);
    return played->leaves && played->planes && played->sides && played->first_plane;
}

/* The largest float32 that is not above a bound (nextafterf, without asking for another library). */
static float round_down(double bound)
{
    const float nearest = (float)bound;
    if (!((double)nearest > bound))
        return nearest;
    int32_t bits;
    memcpy(&bits, &nearest, sizeof bits);
    bits = nearest > 0.0f ? bits - 1 : nearest < 0.0f ? bits + 1 : (int32_t)0x80000001u;
    float below;
    memcpy(&below, &bits, sizeof below);
    return below;
}

/* The planes of a hidden column are one for each of its cuts. */
static void list_planes(wb_played *played)
{
    const wb_leaves *traced = played->traced;
    for (int64_t column = 0; column < traced->n_columns; column++) {
        const int64_t hidden = traced->source[column] - played->n_own;
        played->first_plane[column] = played->n_planes;
        for (int64_t cut = traced->cut_first[column]; hidden >= 0 && cut < traced->cut_first[column + 1]; cut++) {
            const double bound = traced->cuts[cut];
            played->planes[played->n_planes++] = (wb_plane){
                .bound = bound,
                .column = hidden,
                .narrow = round_down(bound),
                .is_narrow = (traced->rules[column] & WB_NARROW) != 0,
            };
        }
    }
}

/* A test whose bounds leave no value between them, and a hidden value is never missing. */
static int can_be_met(const wb_leaves *traced, const wb_condition *condition)
{
    for (int64_t at = 0; at < condition->n_tests; at++) {
        const wb_test *test = traced->tests + condition->first + at;
        if (test->start > traced->cut_first[test->column + 1] - traced->cut_first[test->column])
            return 0;
    }
    return 1;
}

static int32_t add_sides(wb_played *played, const wb_condition *condition, int64_t *n_sides)
{
    const wb_leaves *traced = played->traced;
    const int64_t before = *n_sides;
    for (int64_t at = 0; at < condition->n_tests; at++) {
        const wb_test *test = traced->tests + condition->first + at;
        const int64_t first = played->first_plane[test->column], last = (int64_t)test->start + test->span;
        const int64_t n_cuts = traced->cut_first[test->column + 1] - traced->cut_first[test->column];
        if (test->start > 0)
            played->sides[(*n_sides)++] = (int32_t)(2 * (first + test->start - 1)) + 1;
        if (last < n_cuts)
            played->sides[(*n_sides)++] = (int32_t)(2 * (first + last));
    }
    return (int32_t)(*n_sides - before);
}

static int compare_leaves(const void *a, const void *b)
{
    const wb_played_leaf *first = a, *second = b;
    if (first->n_conditions != second->n_conditions)
        return first->n_conditions < second->n_conditions ? -1 : 1;
    if (first->n_sides != second->n_sides)
        return first->n_sides < second->n_sides ? -1 : 1;
    return first->conditions < second->conditions ? -1 : first->conditions > second->conditions;
}

static int32_t take_apart(wb_played *played, int64_t n_players)
{
    const wb_leaves *traced = played->traced;
    int64_t n_sides = 0;
    for (int64_t number = 0; number < traced->n_leaves; number++) {
        const wb_leaf *leaf = traced->leaves + number;
        const wb_condition *conditions = traced->conditions + leaf->first;
        wb_played_leaf made = {.conditions = conditions,
                               .values = traced->values + leaf->values,
                               .first_side = n_sides,
                               .wide = -1,
                               .margin = leaf->margin,
                               .tree = leaf->tree,
                               .place = leaf->place};
        int is_reachable = 1;
        for (int64_t at = 0; at < leaf->k; at++) {
            if (conditions[at].player < n_players)
                made.n_conditions++;
            else if (can_be_met(traced, conditions + at))
                made.n_sides += add_sides(played, conditions + at, &n_sides);
            else
                is_reachable = 0;
        }
        if (made.n_conditions > MOST_CONDITIONS)
            return WB_BAD_COUNT;
        if (is_reachable)
            played->leaves[played->n_leaves++] = made;
    }
    qsort(played->leaves, (size_t)played->n_leaves, sizeof *played->leaves, compare_leaves);
    for (int64_t number = 0; number < played->n_leaves; number++)
        if (played->leaves[number].n_conditions > 8)
            played->leaves[number].wide = played->n_wide++;
    return WB_OK;
}

int32_t wb_play(const wb_hidden_game *game, wb_played *played)
{
    memset(played, 0, sizeof *played);
    int64_t n_hidden = 0;
    const int32_t status = check_game(game, &n_hidden);
    if (status != WB_OK)
        return status;
    played->traced = game->leaves;
    played->n_margins = game->leaves->n_margins;
    played->n_hidden = n_hidden;
    played->n_own = game->n_own;
    if (!make_room(played, game->leaves))
        return WB_NO_MEMORY;
    list_planes(played);
    return take_apart(played, game->n_players);
}

void wb_put_away(wb_played *played)
{
    free(played->leaves);
    free(played->planes);
    free(played->sides);
    free(played->first_plane);
    memset(played, 0, sizeof *played);
}
