/* Background rows are cut into cells once; every call reads them, in as many threads as there are. */
#include "background.h"

#define WB_EXPORT __attribute__((visibility("default")))

WB_EXPORT int32_t wb_open_background(const wb_leaves *leaves, const double *rows, const double *weights,
                                     int64_t n_rows, wb_background **background)
{
    *background = NULL;
    if (n_rows < 1 || n_rows > INT32_MAX)
        return WB_BAD_COUNT;
    wb_background *made = calloc(1, sizeof *made);
    if (!made)
        return WB_NO_MEMORY;
    made->weights = malloc((size_t)n_rows * sizeof *made->weights);
    if (!wb_open_tiles(&made->tiles, leaves, n_rows) || !made->weights) {
        wb_close_background(made);
        return WB_NO_MEMORY;
    }
    memcpy(made->weights, weights, (size_t)n_rows * sizeof *weights);
    wb_read_tiles(&made->tiles, leaves, rows, n_rows);
    *background = made;
    return WB_OK;
}

WB_EXPORT void wb_close_background(wb_background *background)
{
    if (!background)
        return;
    wb_close_tiles(&background->tiles);
    free(background->weights);
    free(background);
}
