/* Gauss-Legendre quadrature on [0, 1]: n points integrate polynomials up to degree 2n - 1 exactly. */
#ifndef WHYBOX_QUADRATURE_H
#define WHYBOX_QUADRATURE_H

#include <stdint.h>

/* cos(pi x) for x in [0, 1/2] to 2e-5: a start for Newton's method that is the same on every machine. */
static inline double wb_rough_cosine(double x)
{
    const double s = 9.869604401089358 * x * x;
    return 1.0 + s * (-0.5 + s * (1.0 / 24.0 + s * (-1.0 / 720.0 + s * (1.0 / 40320.0))));
}

/* Points and weights, n each; by Newton's method on the Legendre polynomial (W. H. Press et al., Numerical
 * Recipes, 2007, section 4.6.1). Cost: n^2. */
static inline void wb_quadrature(int64_t n, double *points, double *weights)
{
    for (int64_t i = 0; i < (n + 1) / 2; i++) {
        double z = wb_rough_cosine(((double)i + 0.75) / ((double)n + 0.5)), slope = 1.0;
        for (int round = 0, is_last = 0; !is_last; round++) {
            double last = 0.0, value = 1.0; /* P_(j-1) and P_j at z */
            for (int64_t j = 0; j < n; j++) {
                const double next =
                    ((2.0 * (double)j + 1.0) * z * value - (double)j * last) / ((double)j + 1.0);
                last = value;
                value = next;
            }
            slope = (double)n * (z * value - last) / (z * z - 1.0);
            const double step = value / slope;
            is_last = round == 20 || (step < 1e-15 && step > -1e-15);
            if (!is_last)
                z -= step;
        }
        points[i] = 0.5 * (1.0 - z);
        points[n - 1 - i] = 0.5 * (1.0 + z);
        weights[i] = weights[n - 1 - i] = 1.0 / ((1.0 - z * z) * slope * slope);
    }
}

#endif
