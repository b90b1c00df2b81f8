// libpng's simplified interface, libjpeg, libwebp and libheif, for the Images module. libjpeg reports errors by calling back
// and must not return, so its uses are wrapped here behind setjmp; Swift sees plain functions with an error text.
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <png.h>
#include <jpeglib.h>
#include <jerror.h>
#include <webp/decode.h>
#include <webp/encode.h>
#include <webp/mux.h>
#include <libheif/heif.h>

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

// Reads a JPEG's size and, when `pixels` is not NULL, decodes it to RGB, 3 bytes a pixel; the size must then be right.
// Grey becomes RGB; CMYK and YCCK (Adobe's inverted form) are converted.
// Returns 1, or 0 with a text of at most 200 bytes in `message`.
static inline int cimages_read_jpeg(
    const unsigned char *data, unsigned long size, int *width, int *height, unsigned char *pixels, char *message) {
    struct jpeg_decompress_struct info;
    struct cimages_error error;
    unsigned char *volatile row = NULL;
    memset(&info, 0, sizeof info);
    info.err = jpeg_std_error(&error.base);
    error.base.error_exit = cimages_error_exit;
    error.base.emit_message = cimages_emit_message;
    if (setjmp(error.jump)) {
        snprintf(message, 200, "%s", error.text);
        jpeg_destroy_decompress(&info);
        free(row);
        return 0;
    }
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, data, size);
    jpeg_read_header(&info, TRUE);
    if (!pixels) {
        *width = (int)info.image_width;
        *height = (int)info.image_height;
        jpeg_destroy_decompress(&info);
        return 1;
    }
    int cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
    info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&info);
    if ((int)info.output_width != *width || (int)info.output_height != *height) {
        snprintf(error.text, sizeof error.text, "two sizes");
        longjmp(error.jump, 1);
    }
    size_t stride = (size_t)info.output_width * 3;
    row = (unsigned char *)malloc((size_t)info.output_width * 4);
    if (!row) {
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
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    free(row);
    return 1;
}

// Lays `count` pixels of RGBA on white.
static inline void cimages_on_white(const unsigned char *rgba, unsigned char *rgb, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int alpha = rgba[4 * i + 3];
        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] = (unsigned char)((rgba[4 * i + c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
}

// Reads a WebP's size and, when `pixels` is not NULL, decodes it to RGB, transparency laid on white.
// Returns 1, or 0 with a text in `message`.
static inline int cimages_read_webp(
    const unsigned char *data, size_t size, int *width, int *height, unsigned char *pixels, char *message) {
    WebPBitstreamFeatures features;
    VP8StatusCode status = WebPGetFeatures(data, size, &features);
    if (status != VP8_STATUS_OK) {
        snprintf(message, 200, status == VP8_STATUS_NOT_ENOUGH_DATA ? "cut short" : "no WebP picture (%d)", (int)status);
        return 0;
    }
    if (features.has_animation) {
        snprintf(message, 200, "an animation, which has many pictures");
        return 0;
    }
    if (!pixels) {
        *width = features.width;
        *height = features.height;
        return 1;
    }
    size_t count = (size_t)features.width * features.height;
    int done = 0;
    if (features.width == *width && features.height == *height) {
        if (!features.has_alpha) {
            done = WebPDecodeRGBInto(data, size, pixels, 3 * count, 3 * features.width) != NULL;
        } else {
            unsigned char *rgba = (unsigned char *)malloc(4 * count);
            done = rgba && WebPDecodeRGBAInto(data, size, rgba, 4 * count, 4 * features.width) != NULL;
            if (done) cimages_on_white(rgba, pixels, count);
            free(rgba);
        }
    }
    if (!done) snprintf(message, 200, "cut short or damaged, or not enough memory");
    return done;
}

// Reads the size of a HEIC's or AVIF's main picture and, when `pixels` is not NULL, decodes it to RGB, upright, transparency
// laid on white. Returns 1, or 0 with a text in `message`.
static inline int cimages_read_heif(
    const unsigned char *data, size_t size, int *width, int *height, unsigned char *pixels, char *message) {
    struct heif_context *context = heif_context_alloc();
    struct heif_image_handle *handle = NULL;
    struct heif_image *image = NULL;
    struct heif_decoding_options *options = NULL;
    int done = 0;
    struct heif_error error = {heif_error_Memory_allocation_error, heif_suberror_Unspecified, "not enough memory"};
    if (context) error = heif_context_read_from_memory_without_copy(context, data, size, NULL);
    if (error.code == heif_error_Ok) error = heif_context_get_primary_image_handle(context, &handle);
    if (error.code == heif_error_Ok && !pixels) {
        *width = heif_image_handle_get_width(handle);
        *height = heif_image_handle_get_height(handle);
        done = 1;
    } else if (error.code == heif_error_Ok) {
        int alpha = heif_image_handle_has_alpha_channel(handle);
        options = heif_decoding_options_alloc();
        if (options) options->convert_hdr_to_8bit = 1;
        error = heif_decode_image(
            handle, &image, heif_colorspace_RGB, alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, options);
        int stride = 0;
        const unsigned char *plane = NULL;
        if (error.code == heif_error_Ok) plane = heif_image_get_plane_readonly(image, heif_channel_interleaved, &stride);
        if (plane && heif_image_get_width(image, heif_channel_interleaved) == *width
            && heif_image_get_height(image, heif_channel_interleaved) == *height) {
            for (int y = 0; y < *height; y++) {
                const unsigned char *row = plane + (size_t)stride * y;
                unsigned char *out = pixels + (size_t)3 * *width * y;
                if (alpha) cimages_on_white(row, out, (size_t)*width);
                else memcpy(out, row, (size_t)3 * *width);
            }
            done = 1;
        } else if (error.code == heif_error_Ok) {
            error.message = "two sizes";
        }
    }
    if (!done) snprintf(message, 200, "%s", error.message ? error.message : "unknown");
    heif_decoding_options_free(options);
    heif_image_release(image);
    heif_image_handle_release(handle);
    heif_context_free(context);
    return done;
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

// An encoder of animated WebP that repeats for ever, or NULL.
static inline WebPAnimEncoder *cimages_webp_animation(int width, int height) {
    WebPAnimEncoderOptions options;
    if (!WebPAnimEncoderOptionsInit(&options)) return NULL;
    return WebPAnimEncoderNew(width, height, &options);
}

// Adds an RGB picture that is shown from a time in milliseconds on; 1, or 0 where it can't be encoded.
static inline int cimages_webp_animation_add(
    WebPAnimEncoder *encoder, const unsigned char *pixels, int width, int height, int time, float quality) {
    WebPConfig config;
    WebPPicture picture;
    if (!WebPConfigPreset(&config, WEBP_PRESET_PHOTO, quality) || !WebPPictureInit(&picture)) return 0;
    config.method = 3;
    picture.use_argb = 1;
    picture.width = width;
    picture.height = height;
    int done = WebPPictureImportRGB(&picture, pixels, 3 * width) && WebPAnimEncoderAdd(encoder, &picture, time, &config);
    WebPPictureFree(&picture);
    return done;
}

// The file of all pictures, the last of which is shown until a time in milliseconds; to be freed with WebPFree. NULL where it
// can't be made.
static inline const unsigned char *cimages_webp_animation_end(WebPAnimEncoder *encoder, int time, size_t *size) {
    WebPData data;
    WebPDataInit(&data);
    if (!WebPAnimEncoderAdd(encoder, NULL, time, NULL) || !WebPAnimEncoderAssemble(encoder, &data)) {
        WebPDataClear(&data);
        return NULL;
    }
    *size = data.size;
    return data.bytes;
}

// Encodes RGB as a lossless WebP. Returns bytes to be freed with WebPFree() and their number in `size`, or NULL: a side of more
// than 16,383 pixels, or no memory.
static inline unsigned char *cimages_encode_webp(const unsigned char *pixels, int width, int height, size_t *size) {
    unsigned char *bytes = NULL;
    *size = WebPEncodeLosslessRGB(pixels, width, height, 3 * width, &bytes);
    if (*size) return bytes;
    WebPFree(bytes);
    return NULL;
}
