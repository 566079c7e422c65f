/*
 * Every function of iba.h, used rightly and wrongly.
 *     library WEIGHTS STATISTICS PHOTO MAP      writes the map's values to MAP, and prints the number of checks
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iba.h"

static int checks, failures;

static void check(int holds, const char *what, int line)
{
    checks++;
    if (!holds) {
        failures++;
        fprintf(stderr, "line %d: %s\n", line, what);
    }
}

#define CHECK(condition) check((condition), #condition, __LINE__)

/* A failure has its code and a message that contains a word. */
static void check_failure(iba_status status, iba_status expected, const char *word, int line)
{
    char why[400];
    iba_error(why, sizeof why);
    checks++;
    if (status != expected || strstr(why, word) == NULL) {
        failures++;
        fprintf(stderr, "line %d: status %d instead of %d, or no '%s' in: %s\n", line, status, expected, word, why);
    }
}

#define FAILS(call, expected, word) check_failure((call), (expected), (word), __LINE__)

static unsigned char *contents(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        exit(2);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size);
    if (bytes == NULL || fread(bytes, 1, *size, file) != *size)
        exit(2);
    fclose(file);
    return bytes;
}

static iba_handle shared;
static const char *shared_photo;
static const float *expected_map;
static size_t expected_count;

/* The same photo from several threads: each gets the whole answer. */
static void *explain_in_thread(void *wrong)
{
    iba_handle result = 0;
    float *map = malloc(expected_count * sizeof *map);
    *(int *)wrong = map == NULL || iba_explain(shared, shared_photo, NULL, NULL, &result) != IBA_OK || iba_get_map(result, map, expected_count) != IBA_OK
        || memcmp(map, expected_map, expected_count * sizeof *map) != 0 || iba_close(result) != IBA_OK;
    free(map);
    return NULL;
}

int main(int count, char **arguments)
{
    if (count != 5)
        return 2;
    const char *weights = arguments[1], *statistics = arguments[2], *photo = arguments[3];
    iba_handle explainer = 0, result = 0, other = 0;
    iba_facts facts;
    char text[64];
    size_t needed = 0;

    CHECK(strlen(iba_version()) >= 5);

    /* Opening. */
    FAILS(iba_open(NULL, NULL, NULL, &explainer), IBA_WRONG_ARGUMENT, "weights");
    FAILS(iba_open(weights, statistics, "cpu", NULL), IBA_WRONG_ARGUMENT, "explainer");
    FAILS(iba_open("/no/such/file.pth", NULL, "cpu", &explainer), IBA_WRONG_FILE, "/no/such/file.pth");
    FAILS(iba_open(photo, NULL, "cpu", &explainer), IBA_WRONG_FILE, photo);
    FAILS(iba_open(weights, weights, "cpu", &explainer), IBA_WRONG_FILE, weights);
    FAILS(iba_open(weights, statistics, "gpu", &explainer), IBA_WRONG_ARGUMENT, "cuda:N");
    FAILS(iba_open(weights, statistics, "cuda:99", &explainer), IBA_NO_DEVICE, "");
    CHECK(explainer == 0);
    CHECK(iba_open(weights, statistics, "cpu", &explainer) == IBA_OK && explainer > 0);

    /* Handles that are none. */
    FAILS(iba_explain(0, photo, NULL, NULL, &result), IBA_WRONG_HANDLE, "0 is no handle");
    FAILS(iba_explain(-1, photo, NULL, NULL, &result), IBA_WRONG_HANDLE, "-1 is no handle");
    FAILS(iba_get_facts(explainer, &facts), IBA_WRONG_HANDLE, "handle");
    FAILS(iba_get_map(123456789, (float *)&facts, 1), IBA_WRONG_HANDLE, "123456789");
    FAILS(iba_get_logits(0, (float *)&facts, 1), IBA_WRONG_HANDLE, "handle");
    FAILS(iba_get_label(0, text, sizeof text, &needed), IBA_WRONG_HANDLE, "handle");
    FAILS(iba_get_png(0, NULL, 0, &needed), IBA_WRONG_HANDLE, "handle");
    FAILS(iba_close(0), IBA_WRONG_HANDLE, "handle");

    /* Explaining. */
    FAILS(iba_explain(explainer, NULL, NULL, NULL, &result), IBA_WRONG_ARGUMENT, "path");
    FAILS(iba_explain(explainer, photo, NULL, NULL, NULL), IBA_WRONG_ARGUMENT, "result");
    FAILS(iba_explain(explainer, "/no/such/photo.jpg", NULL, NULL, &result), IBA_WRONG_PHOTO, "/no/such/photo.jpg");
    FAILS(iba_explain(explainer, weights, NULL, NULL, &result), IBA_WRONG_PHOTO, weights);
    FAILS(iba_explain(explainer, photo, "no-such-method", NULL, &result), IBA_WRONG_ARGUMENT, "no-such-method");
    FAILS(iba_explain(explainer, photo, "per-sample:beta=-1", NULL, &result), IBA_WRONG_ARGUMENT, "beta");
    FAILS(iba_explain(explainer, photo, NULL, "10", &result), IBA_WRONG_ARGUMENT, "no class");
    CHECK(result == 0);
    CHECK(iba_explain(explainer, photo, NULL, NULL, &result) == IBA_OK && result > explainer);

    /* Reading. */
    FAILS(iba_get_facts(result, NULL), IBA_WRONG_ARGUMENT, "facts");
    CHECK(iba_get_facts(result, &facts) == IBA_OK);
    CHECK(facts.height == 224 && facts.width == 224 && facts.classes == 10 && facts.target == facts.predicted);
    CHECK(facts.probability > 0.5 && facts.total_bits > 0 && facts.probability_restricted > 0 && facts.maximum > 0);
    size_t pixels = (size_t)facts.height * (size_t)facts.width;
    float *map = calloc(pixels, sizeof *map), logits[10];
    FAILS(iba_get_map(result, map, pixels - 1), IBA_WRONG_SIZE, "50175");
    FAILS(iba_get_map(result, map, 0), IBA_WRONG_SIZE, "50176");
    FAILS(iba_get_map(result, map, SIZE_MAX), IBA_WRONG_SIZE, "50176");
    FAILS(iba_get_map(result, NULL, pixels), IBA_WRONG_ARGUMENT, "to");
    CHECK(iba_get_map(result, map, pixels) == IBA_OK);
    float maximum = 0;
    for (size_t i = 0; i < pixels; i++)
        maximum = fmaxf(maximum, map[i]);
    CHECK(maximum == facts.maximum);
    FAILS(iba_get_logits(result, logits, 9), IBA_WRONG_SIZE, "10");
    CHECK(iba_get_logits(result, logits, 10) == IBA_OK);
    for (int i = 0; i < 10; i++)
        CHECK(logits[i] <= logits[facts.predicted]);
    CHECK(iba_get_label(result, text, sizeof text, &needed) == IBA_OK && needed == strlen(text));
    CHECK(iba_get_label(explainer, text, sizeof text, NULL) == IBA_OK && strlen(text) >= 3);
    CHECK(iba_get_label(result, NULL, 0, &needed) == IBA_OK);
    CHECK(iba_get_label(result, text, 1, NULL) == IBA_OK && text[0] == 0);
    FAILS(iba_get_png(result, NULL, 0, NULL), IBA_WRONG_ARGUMENT, "needed");
    CHECK(iba_get_png(result, NULL, 0, &needed) == IBA_OK && needed > 1000);
    unsigned char *png = malloc(needed);
    FAILS(iba_get_png(result, png, needed - 1, NULL), IBA_WRONG_SIZE, "room");
    CHECK(iba_get_png(result, png, needed, NULL) == IBA_OK && memcmp(png, "\x89PNG\r\n\x1a\n", 8) == 0);

    /* From memory: the same file gives the same map. */
    size_t size;
    unsigned char *file = contents(photo, &size);
    float *again = calloc(pixels, sizeof *again);
    FAILS(iba_explain_bytes(explainer, NULL, size, NULL, NULL, &other), IBA_WRONG_ARGUMENT, "file");
    FAILS(iba_explain_bytes(explainer, file, 100, NULL, NULL, &other), IBA_WRONG_PHOTO, "");
    FAILS(iba_explain_bytes(explainer, file, 0, NULL, NULL, &other), IBA_WRONG_PHOTO, "");
    CHECK(iba_explain_bytes(explainer, file, size, NULL, NULL, &other) == IBA_OK);
    CHECK(iba_get_map(other, again, pixels) == IBA_OK && memcmp(map, again, pixels * sizeof *map) == 0);
    CHECK(iba_close(other) == IBA_OK);

    /* Pixels, and a method without bits. */
    unsigned char grey[3 * 8 * 9];
    memset(grey, 128, sizeof grey);
    FAILS(iba_explain_pixels(explainer, grey, sizeof grey, 8, 8, NULL, NULL, &other), IBA_WRONG_SIZE, "8 x 8");
    FAILS(iba_explain_pixels(explainer, grey, sizeof grey, -8, -9, NULL, NULL, &other), IBA_WRONG_SIZE, "-8");
    FAILS(iba_explain_pixels(explainer, NULL, sizeof grey, 8, 9, NULL, NULL, &other), IBA_WRONG_ARGUMENT, "rgb");
    CHECK(iba_explain_pixels(explainer, grey, sizeof grey, 8, 9, "gradient", "3", &other) == IBA_OK);
    CHECK(iba_get_facts(other, &facts) == IBA_OK && facts.target == 3 && isnan(facts.total_bits) && isnan(facts.probability_restricted));
    CHECK(iba_close(other) == IBA_OK);
    FAILS(iba_close(other), IBA_WRONG_HANDLE, "closed");
    FAILS(iba_get_facts(other, &facts), IBA_WRONG_HANDLE, "closed");

    /* Several threads. */
    pthread_t threads[4];
    int wrong[4] = {1, 1, 1, 1};
    shared = explainer, shared_photo = photo, expected_map = map, expected_count = pixels;
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, explain_in_thread, &wrong[i]) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0 && wrong[i] == 0);

    /* A message that is longer than its buffer is cut. */
    CHECK(iba_close(12345) == IBA_WRONG_HANDLE && iba_error(text, 8) > 8 && strcmp(text, "12345 i") == 0 && iba_error(NULL, 0) > 8);

    /* A result outlives its explainer. */
    CHECK(iba_close(explainer) == IBA_OK);
    FAILS(iba_explain(explainer, photo, NULL, NULL, &other), IBA_WRONG_HANDLE, "closed");
    CHECK(iba_get_map(result, again, pixels) == IBA_OK && iba_close(result) == IBA_OK);

    FILE *out = fopen(arguments[4], "wb");
    CHECK(out != NULL && fwrite(map, sizeof *map, pixels, out) == pixels && fclose(out) == 0);
    free(map), free(again), free(file), free(png);
    printf("library.c: %d checks, %d failures\n", checks, failures);
    return failures != 0;
}
