/* The background: its rows as cells, and how much each counts. */
#ifndef WHYBOX_BACKGROUND_H
#define WHYBOX_BACKGROUND_H

#include "lanes/tiles.h"

struct wb_background {
    wb_tiles tiles;
    double *weights; /* n_rows */
};

#endif
