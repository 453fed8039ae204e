/* Linked answers: from what margins change along a way to the answers on it, through the link, less a control; and
 * from answers there and back to what each player adds. Links have as many outputs as margins.
 */
#ifndef WHYBOX_LINKED_ANSWERS_H
#define WHYBOX_LINKED_ANSWERS_H

#include "../walks.h"
#include "leaf_changes.h"
#include "links.h"

/* 16 rows meet a background row. */
typedef struct {
    const wb_linked_game *game;
    int64_t background;
    const wb_sixteen *gains; /* (outputs, players), of the control: what a player adds to T */
} wb_linked;

static inline wb_sixteen wb_control_of(const double *c, wb_sixteen t)
{
    return c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))));
}

/* Make one way's changes (margins, players + 1) the answers on it (outputs, players + 1), the control taken off. */
static inline void wb_answer_way(const wb_linked *of, const int64_t *order, int is_back, wb_sixteen *way)
{
    const wb_linked_game *game = of->game;
    const int64_t p = game->n_players, n_margins = game->leaves->n_margins;
    for (int64_t margin = 0; margin < n_margins; margin++) {
        wb_sixteen *sums = way + margin * (p + 1);
        wb_sixteen along = sums[0] = game->background_margins[of->background * n_margins + margin] - (wb_sixteen){0};
        for (int64_t step = 1; step <= p; step++)
            sums[step] = along += sums[step];
    }
    wb_link_sums(game->link, (double *)way, n_margins, (p + 1) * WB_ROWS);
    for (int64_t output = 0; output < game->n_outputs; output++) {
        const double *control = game->control + output * WB_CONTROL;
        wb_sixteen *answers = way + output * (p + 1);
        wb_sixteen total = game->starts[of->background * game->n_outputs + output] - (wb_sixteen){0};
        answers[0] -= wb_control_of(control, total);
        for (int64_t step = 0; step < p; step++) {
            total += of->gains[output * p + order[is_back ? p - 1 - step : step]];
            answers[step + 1] -= wb_control_of(control, total);
        }
    }
}

/* The mean of what the player of a rank adds to an output there and back: answers on both ways. */
static inline wb_sixteen wb_pair_of(const wb_linked_game *game, const wb_sixteen *there, int64_t output, int64_t rank)
{
    const int64_t p = game->n_players;
    const wb_sixteen *ahead = there + output * (p + 1) + rank;
    const wb_sixteen *behind = there + (game->n_outputs + output) * (p + 1) + p - 1 - rank;
    return 0.5 * ((ahead[1] - ahead[0]) + (behind[1] - behind[0]));
}

#endif
