/* Hidden columns of 64 lanes from their sums; see walks.h. */
#ifndef WHYBOX_HIDDEN_COLUMNS_H
#define WHYBOX_HIDDEN_COLUMNS_H

#include "../walks.h"
#include "words.h"

static inline void wb_add_before(double *restrict total, const double *columns, const double *weights, int64_t n,
                                 int64_t stride)
{
    for (int64_t before = 0; before < n; before++)
        for (int lane = 0; lane < WB_LANES; lane++)
            total[lane] += columns[before * WB_LANES + lane] * weights[before * stride];
}

static inline void wb_write_unit(const wb_layer *layer, int64_t unit, const double *restrict sums,
                                 const double *restrict side, const double *before, double *restrict column)
{
    const double first = layer->bias_rows[unit], second = layer->bias_rows[layer->n_hidden + unit];
    const double mean = layer->means[unit], scale = layer->scales[unit];
    for (int lane = 0; lane < WB_LANES; lane++)
        column[lane] = sums[lane] + (side[lane] > layer->threshold ? second : first);
    wb_add_before(column, before, layer->weights + unit, layer->n_before, layer->n_hidden);
    for (int lane = 0; lane < WB_LANES; lane++)
        column[lane] = ((column[lane] > 0.0 ? column[lane] : 0.0) - mean) / scale;
}

/* sums (n_sums, 64) ─▶ columns (hidden columns, 64), which the layers behind read */
static inline void wb_write_hidden(const wb_layer *layers, int64_t n_layers, const double *sums, double *columns)
{
    double side[WB_LANES];
    double *made = columns;
    for (int64_t number = 0; number < n_layers; number++) {
        const wb_layer *layer = layers + number;
        for (int lane = 0; lane < WB_LANES; lane++)
            side[lane] = sums[lane];
        wb_add_before(side, columns, layer->direction, layer->n_before, 1);
        for (int cluster = 0; cluster < 2; cluster++, made += WB_LANES)
            for (int lane = 0; lane < WB_LANES; lane++)
                made[lane] = layer->cluster_rows[(side[lane] > layer->threshold ? 2 : 0) + cluster];
        for (int64_t unit = 0; unit < layer->n_hidden; unit++, made += WB_LANES)
            wb_write_unit(layer, unit, sums + (1 + unit) * WB_LANES, side, columns, made);
        sums += (1 + layer->n_hidden) * WB_LANES;
    }
}

#endif
