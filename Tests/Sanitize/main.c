// Holds the synthesis engine to naive twins on small random networks: the paths named on the command line, batches,
// thread counts, sizes and style layouts. scripts/sanitize compiles it with the engine under the sanitizers.
#include "twin.h"

int main(int count, char **arguments) {
    check_stylegan2(arguments + 1, count - 1);
    check_mobilestylegan(arguments + 1, count - 1);
    ms_context *context;
    expect(ms_create(NULL, 1, NULL, &context) == ms_bad_argument, "no network is refused");
    ms_layer layers[most_layers];
    ms_network network = random_network(layers, 8, (int[]){6}, 1);
    expect(ms_create(&network, 1, NULL, &context) == ms_bad_network, "six channels are refused");
    layers[0].channels = 8;
    expect(ms_create(&network, 1, "sse9", &context) == ms_no_such_path, "an unknown path is refused");
    free_arrays();
    return failures ? 1 : 0;
}
