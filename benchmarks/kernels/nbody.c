/* Double arithmetic with square roots and divisions: five bodies under gravity, leapfrog steps. */
#include <math.h>

#include "kernel.h"

enum { kBodies = 5, kSteps = 20000 };

typedef struct {
  double x, y, z, vx, vy, vz, mass;
} Body;

static Body bodies[kBodies];

static void set_up(void) {
  bodies[0] = (Body){0, 0, 0, 0, 0, 0, 40.0};
  for (int i = 1; i < kBodies; i++) {
    double distance = 2.5 * i;
    double speed = sqrt(40.0 / distance);
    bodies[i] = (Body){distance, 0.1 * i, -0.05 * i, 0.01 * i, speed, 0.02 * i, 0.03 / i};
  }
}

static void step(double dt) {
  for (int i = 0; i < kBodies; i++) {
    Body* a = &bodies[i];
    for (int j = i + 1; j < kBodies; j++) {
      Body* b = &bodies[j];
      double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      double square = dx * dx + dy * dy + dz * dz;
      double pull = dt / (square * sqrt(square));
      a->vx -= dx * b->mass * pull;
      a->vy -= dy * b->mass * pull;
      a->vz -= dz * b->mass * pull;
      b->vx += dx * a->mass * pull;
      b->vy += dy * a->mass * pull;
      b->vz += dz * a->mass * pull;
    }
  }
  for (int i = 0; i < kBodies; i++) {
    bodies[i].x += dt * bodies[i].vx;
    bodies[i].y += dt * bodies[i].vy;
    bodies[i].z += dt * bodies[i].vz;
  }
}

static uint64_t kernel_round(void) {
  set_up();
  uint32_t steps = kernel_opaque(kSteps);
  for (uint32_t i = 0; i < steps; i++) {
    step(0.001);
  }
  uint64_t hash = 0;
  for (int i = 0; i < kBodies; i++) {
    hash = kernel_mix(hash, kernel_bits(bodies[i].x));
    hash = kernel_mix(hash, kernel_bits(bodies[i].vy));
  }
  return hash;
}

KERNEL_MAIN("nbody", 30, UINT64_C(0xcb603d494f947acd))
