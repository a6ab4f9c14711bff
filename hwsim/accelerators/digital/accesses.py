def accesses(g,o,b):
    import numpy as np
    return np.zeros(b.rows.size, np.int64)
