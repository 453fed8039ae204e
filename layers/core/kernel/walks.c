/* Walks: what is checked before any, and the way to their code for a level. */
#include "walks.h"

#include "dealt.h"
#include "lanes/walk_levels.h"

#include <stdlib.h>

#define WB_EXPORT __attribute__((visibility("default")))

static int is_count(int64_t count)
{
    return count >= 0 && count <= INT32_MAX;
}

static int are_within(const int64_t *positions, int64_t n, int64_t end)
{
    for (int64_t at = 0; at < n; at++)
        if (positions[at] < 0 || positions[at] >= end)
            return 0;
    return 1;
}

static int32_t check_orders(const int64_t *orders, int64_t n_orders, int64_t n_players)
{
    int64_t *seen = calloc((size_t)n_players, sizeof *seen); /* the last order that listed a player, from 1 */
    if (!seen)
        return WB_NO_MEMORY;
    int32_t status = WB_OK;
    for (int64_t order = 0; status == WB_OK && order < n_orders; order++)
        for (int64_t rank = 0; rank < n_players; rank++) {
            const int64_t player = orders[order * n_players + rank];
            if (player < 0 || player >= n_players || seen[player] == order + 1) {
                status = WB_BAD_COLUMN;
                break;
            }
            seen[player] = order + 1;
        }
    free(seen);
    return status;
}

int32_t wb_check_walks(const wb_walks *walks, int64_t n_rows, int64_t n_background, int64_t n_players)
{
    if (!is_count(walks->n_groups) || !is_count(walks->n_shared) || !is_count(walks->n_walks) ||
        !is_count(n_players) || n_players < 1)
        return WB_BAD_COUNT;
    const int64_t n_walked = walks->n_groups * walks->n_walks;
    if (!are_within(walks->rows, walks->n_groups * walks->n_shared, n_rows) ||
        !are_within(walks->backgrounds, n_walked, n_background))
        return WB_BAD_COLUMN;
    return check_orders(walks->orders, n_walked, n_players);
}

static int are_parts(const int64_t *first, int64_t n)
{
    for (int64_t at = 0; at < n; at++)
        if (first[at + 1] < first[at])
            return 0;
    return first[0] == 0 && is_count(first[n]);
}

int32_t wb_check_visits(const wb_visits *visits, int64_t n_rows, int64_t n_background, int64_t n_players)
{
    if (!is_count(visits->n_groups) || !are_parts(visits->first_row, visits->n_groups) ||
        !are_parts(visits->first_visit, visits->n_groups))
        return WB_BAD_COUNT;
    const int64_t n_visits = visits->first_visit[visits->n_groups];
    if (!are_within(visits->rows, visits->first_row[visits->n_groups], n_rows) ||
        !are_within(visits->backgrounds, n_visits, n_background))
        return WB_BAD_COLUMN;
    return check_orders(visits->orders, 2 * n_visits, n_players);
}

int32_t wb_check_head(const wb_head *head)
{
    if (!is_count(head->n_players) || head->n_players < 1 || !is_count(head->n_sums) || !is_count(head->n_outputs) ||
        head->n_outputs < 1 || !is_count(head->n_rows) || !is_count(head->n_background))
        return WB_BAD_COUNT;
    const int is_without = head->n_own_sums == 0 && head->n_layers > 0;
    const int is_known = head->link >= WB_LOGISTIC && head->link <= WB_IDENTITY;
    if (!(is_without || head->n_own_sums == head->n_outputs) || !is_known ||
        (head->link == WB_LOGISTIC && head->n_outputs != 1))
        return WB_BAD_COUNT;
    int64_t n_hidden = 0;
    return wb_check_layers(head->layers, head->n_layers, head->n_sums - head->n_own_sums, &n_hidden);
}

int32_t wb_check_linked(const wb_linked_game *game)
{
    const int64_t n_margins = game->leaves->n_margins;
    const int is_one = game->n_outputs == 1 && n_margins == 1;
    if (!is_count(game->n_players) || game->n_players < 1 || !is_count(game->n_rows) || !is_count(game->n_background))
        return WB_BAD_COUNT;
    if (game->link == WB_LOGISTIC)
        return is_one ? WB_OK : WB_BAD_COUNT;
    const int is_known = game->link == WB_SOFTMAX || game->link == WB_EXPONENTIAL;
    return is_known && game->n_outputs == n_margins && n_margins >= 1 ? WB_OK : WB_BAD_COUNT;
}

typedef int32_t hidden_walks_at(const wb_hidden_game *, const wb_walks *, double *);

WB_EXPORT int32_t wb_hidden_walks(int32_t level, const wb_hidden_game *game, const wb_walks *walks, double *pairs)
{
#define WB_HIDDEN_WALKS(name) WB_JOIN(wb_hidden_walks, name),
    static hidden_walks_at *const at[] = {WB_LEVELS(WB_HIDDEN_WALKS)};
    return level >= 0 && level <= wb_best_level() ? at[level](game, walks, pairs) : WB_BAD_LEVEL;
}

typedef int32_t heads_at(const wb_head *, const wb_walks *, double *);

WB_EXPORT int32_t wb_heads(int32_t level, const wb_head *head, const wb_walks *walks, double *pairs)
{
#define WB_HEADS(name) WB_JOIN(wb_heads, name),
    static heads_at *const at[] = {WB_LEVELS(WB_HEADS)};
    return level >= 0 && level <= wb_best_level() ? at[level](head, walks, pairs) : WB_BAD_LEVEL;
}

typedef int32_t linked_walks_at(const wb_linked_game *, const wb_visits *, double *);

WB_EXPORT int32_t wb_linked_walks(int32_t level, const wb_linked_game *game, const wb_visits *visits, double *sums)
{
#define WB_LINKED_WALKS(name) WB_JOIN(wb_linked_walks, name),
    static linked_walks_at *const at[] = {WB_LEVELS(WB_LINKED_WALKS)};
    return level >= 0 && level <= wb_best_level() ? at[level](game, visits, sums) : WB_BAD_LEVEL;
}

typedef int32_t control_shares_at(const wb_linked_game *, double *);

WB_EXPORT int32_t wb_control_shares(int32_t level, const wb_linked_game *game, double *shares)
{
#define WB_CONTROL_SHARES(name) WB_JOIN(wb_control_shares, name),
    static control_shares_at *const at[] = {WB_LEVELS(WB_CONTROL_SHARES)};
    return level >= 0 && level <= wb_best_level() ? at[level](game, shares) : WB_BAD_LEVEL;
}
