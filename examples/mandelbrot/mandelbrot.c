/*
 * A compute core that draws one tile of a picture of the Mandelbrot set.
 *
 * The input is text, in this order and separated by any white space:
 *
 *     picture WIDTH HEIGHT            pixels of the whole picture
 *     tile LEFT TOP WIDTH HEIGHT      pixels of this tile, counted from the top left corner
 *     center RE IM                    the point in the middle of the picture
 *     span WIDTH                      width of the picture in the complex plane
 *     iterations MAX                  a point that has not escaped by then is in the set
 *     samples SIDE                    each pixel is the mean of SIDE * SIDE points
 *
 * The output is six 32-bit little-endian unsigned integers, the values of `picture` and `tile` in
 * that order, then three bytes (red, green, blue; sRGB) for each pixel of the tile, row by row from
 * the top. Any other input gives exit code 1 and an error message.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../include/distcomp.h"

#define INPUT_BYTES_MAX 1024
#define HEADER_BYTES 24
#define PICTURE_SIDE_MAX 100000
#define TILE_SIDE_MAX 4096 /* keeps an output below 50 MB */
#define CENTER_MAX 4.0     /* beyond, nothing is left to see */
#define SPAN_MAX 64.0
#define ITERATIONS_MAX 10000000
#define SAMPLES_MAX 16

#define EXIT_BAD_INPUT 1
#define EXIT_NO_MEMORY 2

typedef struct {
  int width, height;
  int left, top, tile_width, tile_height;
  double re, im, span;
  int iterations;
  int samples;
} View;

typedef struct {
  double red, green, blue; /* linear light, 0 to 1 */
} Color;

/* ---- Input ---- */

static const char *parse(const char *text, size_t size, View *view) {
  int end = 0;
  int fields = sscanf(text,
                      " picture %6d %6d tile %6d %6d %6d %6d center %lf %lf span %lf"
                      " iterations %8d samples %2d %n",
                      &view->width, &view->height, &view->left, &view->top, &view->tile_width,
                      &view->tile_height, &view->re, &view->im, &view->span, &view->iterations,
                      &view->samples, &end);
  if (fields != 11) return "it must give picture, tile, center, span, iterations and samples";
  if ((size_t)end != size) return "something follows the samples";
  return NULL;
}

static int is_within(double value, double min, double max) { return value >= min && value <= max; }

static const char *check(const View *view) {
  if (!is_within(view->width, 1, PICTURE_SIDE_MAX) ||
      !is_within(view->height, 1, PICTURE_SIDE_MAX)) {
    return "the size of the picture is out of range";
  }
  if (!is_within(view->tile_width, 1, TILE_SIDE_MAX) ||
      !is_within(view->tile_height, 1, TILE_SIDE_MAX)) {
    return "the size of the tile is out of range";
  }
  if (!is_within(view->left, 0, view->width - view->tile_width) ||
      !is_within(view->top, 0, view->height - view->tile_height)) {
    return "the tile is not inside the picture";
  }
  if (!is_within(view->re, -CENTER_MAX, CENTER_MAX) ||
      !is_within(view->im, -CENTER_MAX, CENTER_MAX)) {
    return "the center is out of range";
  }
  if (!(view->span > 0 && view->span <= SPAN_MAX)) return "the span is out of range";
  if (!is_within(view->iterations, 1, ITERATIONS_MAX)) return "the iterations are out of range";
  if (!is_within(view->samples, 1, SAMPLES_MAX)) return "the samples are out of range";
  return NULL;
}

/* Returns null if the input is valid, otherwise what is wrong with it. */
static const char *read_view(const void *data, uint64_t size, View *view) {
  char text[INPUT_BYTES_MAX + 1];
  if (size > INPUT_BYTES_MAX) return "it is too long";
  memcpy(text, data, (size_t)size);
  text[size] = '\0';
  const char *problem = parse(text, (size_t)size, view);
  return problem != NULL ? problem : check(view);
}

/* ---- Colors ---- */

#define PALETTE_SIZE 4096

static Color palette[PALETTE_SIZE];

static double linear_from_srgb(double value) {
  return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

static double srgb_from_linear(double value) {
  return value <= 0.0031308 ? value * 12.92 : 1.055 * pow(value, 1 / 2.4) - 0.055;
}

/* A closed loop of colors, evenly spaced. */
static const unsigned char stops[][3] = {
    {10, 14, 46},    /* night */
    {22, 66, 122},   /* deep water */
    {70, 158, 190},  /* lagoon */
    {246, 240, 214}, /* sand */
    {244, 178, 66},  /* amber */
    {190, 72, 38},   /* rust */
    {74, 16, 50},    /* wine */
};

#define STOP_COUNT (sizeof stops / sizeof *stops)

/* Catmull-Rom: a curve through b and c that has no corner where two pieces meet. */
static double spline(double a, double b, double c, double d, double t) {
  double value = b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
  return fmin(fmax(value, 0), 1);
}

static double palette_channel(int channel, double position) {
  size_t stop = (size_t)position;
  double around[4];
  for (size_t i = 0; i < 4; i++) {
    around[i] = stops[(stop + STOP_COUNT - 1 + i) % STOP_COUNT][channel] / 255.0;
  }
  double value = spline(around[0], around[1], around[2], around[3], position - (double)stop);
  return linear_from_srgb(value);
}

static void build_palette(void) {
  for (int i = 0; i < PALETTE_SIZE; i++) {
    double position = (double)i * STOP_COUNT / PALETTE_SIZE;
    palette[i].red = palette_channel(0, position);
    palette[i].green = palette_channel(1, position);
    palette[i].blue = palette_channel(2, position);
  }
}

/* ---- One point ---- */

/* Large, so that the count of iterations continues smoothly between the integers. */
#define ESCAPE_RADIUS 1000.0

/* How often the palette repeats while the iterations grow e-fold. */
#define PALETTE_TURNS 0.7

/* The light comes from the upper left, high enough to graze the slopes that face away from it. */
#define LIGHT_SHARE 0.6 /* the rest is the same from everywhere */
#define LIGHT_HEIGHT 1.2
#define LIGHT_NORM 1.7 /* below 1 + LIGHT_HEIGHT: lit slopes are a bit brighter than the palette */
#define LIGHT_RE (-0.7071)
#define LIGHT_IM 0.7071

static const Color inside = {0.001, 0.001, 0.004};

/* By the logarithm, so that the depths of the set have as much contrast as its surroundings. */
static Color palette_color(int iterations, double radius) {
  double smooth = iterations + 1 - log2(log(radius) / log(ESCAPE_RADIUS));
  double turns = PALETTE_TURNS * log(fmax(smooth, 1));
  return palette[(int)((turns - floor(turns)) * PALETTE_SIZE) % PALETTE_SIZE];
}

/*
 * How much light falls on a point that escaped to z, where d is the derivative of z by c. The
 * picture is a landscape that rises toward the set; here it slopes in the direction of z / d.
 */
static double lightness(double zre, double zim, double dre, double dim) {
  double slope_re = zre * dre + zim * dim;
  double slope_im = zim * dre - zre * dim;
  double length = sqrt(slope_re * slope_re + slope_im * slope_im);
  if (!isnormal(length)) return 1 - LIGHT_SHARE; /* d overflows in very long orbits */
  double cosine = (slope_re * LIGHT_RE + slope_im * LIGHT_IM) / length;
  return 1 - LIGHT_SHARE + LIGHT_SHARE * (cosine + LIGHT_HEIGHT) / LIGHT_NORM;
}

static Color point_color(double re, double im, int iterations) {
  double zre = 0, zim = 0, dre = 0, dim = 0;
  for (int i = 0; i < iterations; i++) {
    double re2 = zre * zre, im2 = zim * zim;
    if (re2 + im2 > ESCAPE_RADIUS * ESCAPE_RADIUS) {
      Color color = palette_color(i, sqrt(re2 + im2));
      double light = lightness(zre, zim, dre, dim);
      return (Color){color.red * light, color.green * light, color.blue * light};
    }
    double dre_next = 2 * (zre * dre - zim * dim) + 1;
    dim = 2 * (zre * dim + zim * dre);
    dre = dre_next;
    zim = 2 * zre * zim + im;
    zre = re2 - im2 + re;
  }
  return inside;
}

/* ---- The tile ---- */

static Color pixel_color(const View *view, int x, int y) {
  double pixel = view->span / view->width;
  double step = pixel / view->samples;
  double left = view->re + (x - view->width / 2.0) * pixel + step / 2;
  double top = view->im - (y - view->height / 2.0) * pixel - step / 2;
  Color sum = {0, 0, 0};
  for (int row = 0; row < view->samples; row++) {
    for (int column = 0; column < view->samples; column++) {
      Color color = point_color(left + column * step, top - row * step, view->iterations);
      sum.red += color.red;
      sum.green += color.green;
      sum.blue += color.blue;
    }
  }
  double count = (double)view->samples * view->samples;
  return (Color){sum.red / count, sum.green / count, sum.blue / count};
}

static unsigned char byte_from_linear(double value) {
  return (unsigned char)(255 * srgb_from_linear(fmin(value, 1)) + 0.5);
}

static unsigned char *write_uint32(unsigned char *to, int value) {
  for (int i = 0; i < 4; i++) *to++ = (unsigned char)((unsigned)value >> (8 * i));
  return to;
}

static void draw(const View *view, unsigned char *to) {
  const int header[] = {view->width,  view->height,     view->left,
                        view->top,    view->tile_width, view->tile_height};
  for (size_t i = 0; i < sizeof header / sizeof *header; i++) to = write_uint32(to, header[i]);

  for (int y = view->top; y < view->top + view->tile_height; y++) {
    for (int x = view->left; x < view->left + view->tile_width; x++) {
      Color color = pixel_color(view, x, y);
      *to++ = byte_from_linear(color.red);
      *to++ = byte_from_linear(color.green);
      *to++ = byte_from_linear(color.blue);
    }
  }
}

/* ---- The compute core ---- */

static int32_t refuse(const char *problem, uint64_t *outsize, void **outdata) {
  char *message = malloc(128);
  if (message == NULL) return EXIT_NO_MEMORY;
  *outsize = (uint64_t)snprintf(message, 128, "Cannot draw the tile: %s", problem);
  *outdata = message;
  return EXIT_BAD_INPUT;
}

int32_t worker_init(int32_t version) {
  if (version != DISTCOMP_API_VERSION) return 1;
  build_palette();
  return 0;
}

int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata) {
  View view;
  const char *problem = read_view(data, size, &view);
  if (problem != NULL) return refuse(problem, outsize, outdata);

  size_t bytes = HEADER_BYTES + (size_t)3 * (size_t)view.tile_width * (size_t)view.tile_height;
  unsigned char *tile = malloc(bytes);
  if (tile == NULL) return EXIT_NO_MEMORY;
  draw(&view, tile);
  *outsize = bytes;
  *outdata = tile;
  return 0;
}

void worker_free_outdata(uint64_t size, void *outdata) {
  (void)size;
  free(outdata);
}
