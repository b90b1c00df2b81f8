#include "CSynthesis.h"
