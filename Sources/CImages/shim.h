// libpng's simplified interface and libjpeg, for the Images module. libjpeg reports errors by calling back and must not
// return, so its two uses are wrapped here behind setjmp; Swift sees plain functions with an error text.
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <png.h>
#include <jpeglib.h>
#include <jerror.h>

struct cimages_error {
    struct jpeg_error_mgr base;
    jmp_buf jump;
    char text[JMSG_LENGTH_MAX];
};

static inline void cimages_error_exit(j_common_ptr info) {
    struct cimages_error *error = (struct cimages_error *)info->err;
    (*error->base.format_message)(info, error->text);
    longjmp(error->jump, 1);
}

// A warning means damaged data (a file cut short, a bad Huffman code): the decoder would fill in grey, so it is an error.
static inline void cimages_emit_message(j_common_ptr info, int level) {
    if (level < 0) cimages_error_exit(info);
}

// Decodes a JPEG to RGB, 3 bytes a pixel. Grey becomes RGB; CMYK and YCCK (Adobe's inverted form) are converted.
// Returns pixels to be freed with free(), or NULL with a text of at most 200 bytes in `message`.
static inline unsigned char *cimages_decode_jpeg(
    const unsigned char *data, unsigned long size, unsigned long max_pixels, int *width, int *height, char *message) {
    struct jpeg_decompress_struct info;
    struct cimages_error error;
    unsigned char *volatile pixels = NULL;
    unsigned char *volatile row = NULL;
    memset(&info, 0, sizeof info);
    info.err = jpeg_std_error(&error.base);
    error.base.error_exit = cimages_error_exit;
    error.base.emit_message = cimages_emit_message;
    if (setjmp(error.jump)) {
        snprintf(message, 200, "%s", error.text);
        jpeg_destroy_decompress(&info);
        free(pixels);
        free(row);
        return NULL;
    }
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, data, size);
    jpeg_read_header(&info, TRUE);
    if ((unsigned long)info.image_width * info.image_height > max_pixels) {
        snprintf(error.text, sizeof error.text, "%u x %u pixels are too many", info.image_width, info.image_height);
        longjmp(error.jump, 1);
    }
    int cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
    info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&info);
    size_t stride = (size_t)info.output_width * 3;
    pixels = (unsigned char *)malloc(stride * info.output_height);
    row = (unsigned char *)malloc((size_t)info.output_width * 4);
    if (!pixels || !row) {
        snprintf(error.text, sizeof error.text, "not enough memory");
        longjmp(error.jump, 1);
    }
    while (info.output_scanline < info.output_height) {
        unsigned char *out = pixels + stride * info.output_scanline;
        JSAMPROW rows[1] = {cmyk ? row : out};
        jpeg_read_scanlines(&info, rows, 1);
        if (!cmyk) continue;
        for (size_t x = 0; x < info.output_width; x++) {
            for (int c = 0; c < 3; c++) {
                int ink = row[4 * x + c], black = row[4 * x + 3];
                if (!info.saw_Adobe_marker) { ink = 255 - ink; black = 255 - black; }
                out[3 * x + c] = (unsigned char)((ink * black + 127) / 255);
            }
        }
    }
    *width = (int)info.output_width;
    *height = (int)info.output_height;
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    free(row);
    return pixels;
}

// Encodes RGB as a baseline JPEG with 4:4:4 sampling from quality 90 up, 4:2:0 below.
// Returns bytes to be freed with free() and their number in `size`, or NULL with a text in `message`.
static inline unsigned char *cimages_encode_jpeg(
    const unsigned char *pixels, int width, int height, int quality, unsigned long *size, char *message) {
    struct jpeg_compress_struct info;
    struct cimages_error error;
    // libjpeg writes both through these addresses, so they must not live in registers across the longjmp.
    static _Thread_local unsigned char *bytes;
    static _Thread_local unsigned long count;
    bytes = NULL;
    count = 0;
    memset(&info, 0, sizeof info);
    info.err = jpeg_std_error(&error.base);
    error.base.error_exit = cimages_error_exit;
    if (setjmp(error.jump)) {
        snprintf(message, 200, "%s", error.text);
        jpeg_destroy_compress(&info);
        free(bytes);
        return NULL;
    }
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &bytes, &count);
    info.image_width = (JDIMENSION)width;
    info.image_height = (JDIMENSION)height;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, quality, TRUE);
    if (quality >= 90) {
        info.comp_info[0].h_samp_factor = 1;
        info.comp_info[0].v_samp_factor = 1;
    }
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        JSAMPROW rows[1] = {(JSAMPROW)(pixels + (size_t)3 * width * info.next_scanline)};
        jpeg_write_scanlines(&info, rows, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    *size = count;
    return bytes;
}
