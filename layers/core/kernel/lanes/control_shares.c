/* Control shares: Shapley values of polynomials of degree 5 of an additive function, in closed form.
 *
 * The others of player i join with a chance q each, q uniform between 0 and 1. With A = start + their gains, the
 * share of i is the integral over q of E[P(A + g) - P(A)], g its own gain: sum over r of C_r(g) J_r, where
 * C_r(g) = sum over d > r of c_d (d over r) g^(d-r), and J_r, the integral of E[A^r], is a polynomial of the start
 * and of the power sums of the others' gains (the cumulants of A are those of Bernoulli variables). The multilinear
 * extension: G. Owen, 1972, https://doi.org/10.1287/mnsc.18.5.64
 */
#include "walk_levels.h"

#include <stdlib.h>

enum { ROWS = 16 };

/* Shares of one player for some rows against one background row. */
static inline double share_of(const double *c, double m, double g, double p1, double p2, double p3, double p4)
{
    const double g2 = g * g, mm = m * m, s1 = p1 - g, s2 = p2 - g2, s3 = p3 - g2 * g, s4 = p4 - g2 * g2;
    const double s11 = s1 * s1;
    const double j1 = m + 0.5 * s1;
    const double j2 = mm + m * s1 + s11 * (1.0 / 3.0) + s2 * (1.0 / 6.0);
    const double j3 = m * (mm + 1.5 * m * s1 + s11 + 0.5 * s2) + 0.25 * s1 * (s11 + s2);
    const double j4 = mm * (mm + 2.0 * m * s1 + 2.0 * s11 + s2) + m * s1 * (s11 + s2) + s11 * (0.2 * s11 + 0.3 * s2) +
                      0.1 * s2 * s2 - s1 * s3 * (1.0 / 15.0) - s4 * (1.0 / 30.0);
    const double c0 = c[1] + g * (c[2] + g * (c[3] + g * (c[4] + g * c[5])));
    const double c1 = 2.0 * c[2] + g * (3.0 * c[3] + g * (4.0 * c[4] + g * (5.0 * c[5])));
    const double c2 = 3.0 * c[3] + g * (6.0 * c[4] + g * (10.0 * c[5]));
    const double c3 = 4.0 * c[4] + g * (10.0 * c[5]);
    return g * (c0 + c1 * j1 + c2 * j2 + c3 * j3 + 5.0 * c[5] * j4);
}

/* Add the shares of up to ROWS rows for one output; gains: (players, ROWS), totals likewise. */
static void add_shares(const double *gains, const double *other, const double *c, double start, double weight,
                       int64_t n_players, double *totals)
{
    double p1[ROWS] = {0}, p2[ROWS] = {0}, p3[ROWS] = {0}, p4[ROWS] = {0};
    for (int64_t player = 0; player < n_players; player++)
        for (int row = 0; row < ROWS; row++) {
            const double g = gains[player * ROWS + row] - other[player], g2 = g * g;
            p1[row] += g;
            p2[row] += g2;
            p3[row] += g2 * g;
            p4[row] += g2 * g2;
        }
    for (int64_t player = 0; player < n_players; player++)
        for (int row = 0; row < ROWS; row++) {
            const double g = gains[player * ROWS + row] - other[player];
            totals[player * ROWS + row] += weight * share_of(c, start, g, p1[row], p2[row], p3[row], p4[row]);
        }
}

int32_t WB_AT(wb_control_shares)(const wb_linked_game *game, double *shares)
{
    const int64_t n_players = game->n_players, n_outputs = game->n_outputs;
    const int32_t status = wb_check_linked(game);
    if (status != WB_OK)
        return status;
    double *gains = malloc((size_t)(2 * n_players * ROWS + 1) * sizeof *gains);
    if (!gains)
        return WB_NO_MEMORY;
    double *totals = gains + n_players * ROWS;
    for (int64_t first = 0; first < game->n_rows; first += ROWS)
        for (int64_t output = 0; output < n_outputs; output++) {
            const int64_t n = game->n_rows - first < ROWS ? game->n_rows - first : ROWS;
            for (int64_t at = 0; at < n_players * ROWS; at++) {
                const int64_t row = at % ROWS < n ? at % ROWS : 0;
                gains[at] = game->row_gains[((first + row) * n_outputs + output) * n_players + at / ROWS];
                totals[at] = 0.0;
            }
            for (int64_t other = 0; other < game->n_background; other++)
                add_shares(gains, game->background_gains + (other * n_outputs + output) * n_players,
                           game->control + output * WB_CONTROL, game->starts[other * n_outputs + output],
                           game->weights[other], n_players, totals);
            for (int64_t row = 0; row < n; row++)
                for (int64_t player = 0; player < n_players; player++)
                    shares[((first + row) * n_players + player) * n_outputs + output] = totals[player * ROWS + row];
        }
    free(gains);
    return WB_OK;
}
