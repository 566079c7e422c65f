/*
 * libiba: which pixels does an image classifier's decision depend on, in bits per pixel.
 *
 *     iba_handle explainer, result;
 *     if (iba_open("resnet50.pth", "statistics.safetensors", "auto", &explainer) != IBA_OK ||
 *         iba_explain(explainer, "photo.jpg", NULL, NULL, &result) != IBA_OK) {
 *         char why[1024];
 *         iba_error(why, sizeof why);
 *         puts(why);
 *     }
 *
 * Every function may be called from any thread; photos that several threads explain at the same time share a batch. A function that fails returns a code
 * and leaves its outputs alone; iba_error says why, in words. Texts are UTF-8 and end in a zero byte. A wrong or closed handle, a null pointer and a wrong
 * size are errors with a code. libSkiaSharp must lie beside libiba or where the loader finds it. A library that was loaded cannot be unloaded.
 */
#ifndef IBA_H
#define IBA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An explainer or a result. Handles are never used twice. 0 is none. */
typedef int64_t iba_handle;

typedef enum {
    IBA_OK = 0,
    IBA_WRONG_HANDLE = 1,   /* never given out, closed, or of the other kind */
    IBA_WRONG_ARGUMENT = 2, /* a null pointer, or a method, class or setting that does not exist */
    IBA_WRONG_SIZE = 3,     /* the buffer has another size than the data */
    IBA_WRONG_FILE = 4,     /* weights or statistics cannot be read, are damaged, or do not fit each other */
    IBA_WRONG_PHOTO = 5,    /* the photo cannot be read or decoded */
    IBA_NO_DEVICE = 6,      /* the device is not there, or failed */
    IBA_NO_MEMORY = 7,
    IBA_FAILED = 8          /* anything else */
} iba_status;

typedef struct {
    int32_t height, width;       /* of the map: the network's input */
    int32_t target, predicted;   /* the class explained, and the class with the largest logit */
    int32_t classes;             /* number of logits */
    float maximum;               /* the map's largest value */
    double probability;          /* of the target, or of any of several classes */
    double probability_restricted; /* of the target when only the bits pass; NaN for methods that are no bottleneck */
    double total_bits;           /* that pass the layer; NaN for methods that are no bottleneck */
} iba_facts;

/* The version, such as 0.1.0. The text lives as long as the process. */
const char *iba_version(void);

/* Why the last function that failed on this thread did. Copies at most size - 1 bytes and a zero byte; returns the length of the whole text. */
size_t iba_error(char *buffer, size_t size);

/* Opens a network. weights: .pth or .safetensors with torchvision's names. statistics: made by `iba estimate`, for the method per-sample; NULL without it.
 * device: auto, cpu, cuda, cuda:N, or several GPUs such as cuda:0,1; NULL is auto. */
iba_status iba_open(const char *weights, const char *statistics, const char *device, iba_handle *explainer);

/* Explains a photo: JPEG, PNG, WebP, BMP or GIF. method: as on the command line, such as per-sample:beta=100; NULL is per-sample. target: a class by
 * number, name or WordNet id, or several with commas between; NULL is the predicted class. */
iba_status iba_explain(iba_handle explainer, const char *path, const char *method, const char *target, iba_handle *result);

/* The same for a file in memory. */
iba_status iba_explain_bytes(iba_handle explainer, const void *file, size_t size, const char *method, const char *target, iba_handle *result);

/* The same for pixels: size = height * width * 3 bytes, RGB, rows from the top without gaps. */
iba_status iba_explain_pixels(iba_handle explainer, const uint8_t *rgb, size_t size, int32_t height, int32_t width, const char *method, const char *target,
                              iba_handle *result);

iba_status iba_get_facts(iba_handle result, iba_facts *facts);

/* The map, row by row: count = height * width. Bits per pixel for bottlenecks, else the method's own unit. */
iba_status iba_get_map(iba_handle result, float *values, size_t count);

/* The network's output for the unchanged photo: count = classes. */
iba_status iba_get_logits(iba_handle result, float *values, size_t count);

/* The name of the class explained; of an explainer, that of its device, and where the CPU takes the place of a GPU, why. Copies at most size - 1 bytes
 * and a zero byte; needed, if not NULL, receives the length of the whole text. */
iba_status iba_get_label(iba_handle result_or_explainer, char *buffer, size_t size, size_t *needed);

/* The map over the photo with a colour bar, as a PNG file. With buffer NULL, only needed is written: the file's size, which size must then be. */
iba_status iba_get_png(iba_handle result, void *buffer, size_t size, size_t *needed);

/* Closes an explainer, once the photos in work are finished, or frees a result. */
iba_status iba_close(iba_handle handle);

#ifdef __cplusplus
}
#endif

#endif
