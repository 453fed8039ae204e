/* Control shares: Shapley values of polynomials of degree 5 of an additive function, in closed form.
 *
 * The others of player i join with a chance q each, q uniform between 0 and 1. With A = start + their gains, the
 * share of i is the integral over q of E[P(A + g) - P(A)], g its own gain. The integrals of E[A^r] are polynomials of
 * the start and of the power sums of the others' gains (the cumulants of A are those of Bernoulli variables). Those
 * are the power sums of all gains less powers of g, so that the share is a polynomial of g whose coefficients all
 * players have in common. The multilinear extension: G. Owen, 1972, https://doi.org/10.1287/mnsc.18.5.64
 */
#include "walk_levels.h"

#include <stdlib.h>

enum { ROWS = 16 };

/* A share is g (a0 + a1 g + a2 g^2 + a3 g^3). */
typedef struct {
    double a0[ROWS], a1[ROWS], a2[ROWS], a3[ROWS];
} coefficients;

/* The coefficients of a row, times a weight, from the start m and the power sums of all gains. */
static inline void find_coefficients(const double *c, double m, double p1, double p2, double p3, double p4,
                                     double weight, coefficients *of, int row)
{
    const double mm = m * m, mp = m * p1, p11 = p1 * p1, twice = 2.0 * m + p1, both = p11 + p2;
    const double of3 = 3.0 * (mm + mp) + p11 + 0.5 * p2;
    const double of4 = twice * (2.0 * (mm + mp) + both);
    const double of5 = 5.0 * (mm * (mm + 2.0 * (mp + p11) + p2) + mp * both) + p11 * (p11 + 1.5 * p2) + 0.5 * p2 * p2 -
                       p1 * p3 * (1.0 / 3.0) - p4 * (1.0 / 6.0);
    const double bend5 = p1 * (5.0 * (mm + mp) + 1.5 * p11 + 0.5 * p2) - p3 * (1.0 / 3.0);
    of->a0[row] = weight * (c[1] + c[2] * twice + c[3] * of3 + c[4] * of4 + c[5] * of5);
    of->a1[row] = -weight * (0.5 * c[3] * p1 + c[4] * p1 * twice + c[5] * bend5);
    of->a2[row] = weight * c[5] * (p11 - p2) * (1.0 / 3.0);
    of->a3[row] = weight * c[5] * p1 * (1.0 / 6.0);
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
    coefficients of;
    for (int row = 0; row < ROWS; row++)
        find_coefficients(c, start, p1[row], p2[row], p3[row], p4[row], weight, &of, row);
    for (int64_t player = 0; player < n_players; player++)
        for (int row = 0; row < ROWS; row++) {
            const double g = gains[player * ROWS + row] - other[player];
            totals[player * ROWS + row] += g * (of.a0[row] + g * (of.a1[row] + g * (of.a2[row] + g * of.a3[row])));
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
