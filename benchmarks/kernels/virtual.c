/* Virtual calls as C++ compiles them: shapes of five classes behind one pointer, two loads and an indirect call each. */
#include "kernel.h"

enum { kShapes = 4096 };

struct shape;
struct methods {
  double (*area)(const struct shape*);
  void (*grow)(struct shape*, double);
};
struct shape {
  const struct methods* methods;
  double a, b;
};

static double square_area(const struct shape* s) { return s->a * s->a; }
static void square_grow(struct shape* s, double by) { s->a += by; }
static double rectangle_area(const struct shape* s) { return s->a * s->b; }
static void rectangle_grow(struct shape* s, double by) { s->b += by; }
static double circle_area(const struct shape* s) { return 3.14159 * s->a * s->a; }
static double triangle_area(const struct shape* s) { return 0.5 * s->a * s->b; }
static void triangle_grow(struct shape* s, double by) { s->a += by, s->b -= by / 2; }
static double ring_area(const struct shape* s) { return 3.14159 * (s->a * s->a - s->b * s->b); }

static const struct methods kMethods[] = {{square_area, square_grow},
                                          {rectangle_area, rectangle_grow},
                                          {circle_area, square_grow},
                                          {triangle_area, triangle_grow},
                                          {ring_area, square_grow}};
static struct shape shapes[kShapes];
static struct shape* order[kShapes];

static uint64_t kernel_round(void) {
  uint64_t state = 2685821657736338717u;
  uint32_t count = kernel_opaque(kShapes);
  for (uint32_t i = 0; i < count; i++) {
    shapes[i].methods = &kMethods[kernel_random(&state) % 5];
    shapes[i].a = (double)(i % 17) + 2;
    shapes[i].b = (double)(i % 5) + 1;
    order[i] = &shapes[i];
  }
  double sum = 0;
  for (int turn = 0; turn < 20; turn++) {
    for (uint32_t i = 0; i < count; i++) {
      struct shape* s = order[i];
      s->methods->grow(s, 0.25);
      sum += s->methods->area(s);
    }
  }
  return kernel_bits(sum);
}

KERNEL_MAIN("virtual", 20, UINT64_C(0x417559238c15258b))
