/* Is a hidden game sound, and are walks within it? */
#include "hidden.h"

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

int32_t wb_check_hidden(const wb_hidden_game *game)
{
    if (!is_count(game->n_own) || !is_count(game->n_players) || !is_count(game->n_layers) || game->n_players < 1 ||
        !is_count(game->n_rows) || !is_count(game->n_background))
        return WB_BAD_COUNT;
    int64_t n_sums = 0, n_hidden = 0;
    for (int64_t number = 0; number < game->n_layers; number++) {
        const wb_layer *layer = game->layers + number;
        if (!is_count(layer->n_hidden) || layer->n_before != n_hidden)
            return WB_BAD_COUNT;
        n_sums += 1 + layer->n_hidden;
        n_hidden += 2 + layer->n_hidden;
    }
    if (game->n_sums != n_sums || game->trees->n_columns != game->n_own + n_hidden)
        return WB_BAD_COUNT;
    return are_within(game->own_players, game->n_own, game->n_players) ? WB_OK : WB_BAD_COLUMN;
}

int32_t wb_check_walks(const wb_walks *walks, int64_t n_rows, int64_t n_background, int64_t n_players)
{
    if (!is_count(walks->n_groups) || !is_count(walks->n_shared) || !is_count(walks->n_walks))
        return WB_BAD_COUNT;
    const int64_t n_walked = walks->n_groups * walks->n_walks;
    const int is_sound = are_within(walks->rows, walks->n_groups * walks->n_shared, n_rows) &&
                         are_within(walks->backgrounds, n_walked, n_background) &&
                         are_within(walks->orders, n_walked * n_players, n_players);
    return is_sound ? WB_OK : WB_BAD_COLUMN;
}
