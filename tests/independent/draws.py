"""The draws of a rate card's Monte Carlo, made again with numpy: Philox, the normal quantile, the
t-distribution, all written down here anew."""
import numpy

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
LOW = numpy.uint64(0xFFFFFFFF)
SHIFT = numpy.uint64(32)


def philox(key, low, high):
    """Four arrays of 32-bit words of Philox4x32-10 at the counters (low[i], high)."""
    c = [low & LOW, low >> SHIFT, numpy.full_like(low, high & 0xFFFFFFFF),
         numpy.full_like(low, high >> 32)]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        first = c[0] * numpy.uint64(MULTIPLIERS[0])
        second = c[2] * numpy.uint64(MULTIPLIERS[1])
        c = [(second >> SHIFT) ^ c[1] ^ numpy.uint64(k0), second & LOW,
             (first >> SHIFT) ^ c[3] ^ numpy.uint64(k1), first & LOW]
        k0, k1 = (k0 + WEYL[0]) & 0xFFFFFFFF, (k1 + WEYL[1]) & 0xFFFFFFFF
    return c


def erfc(x):
    """Complementary error function, x >= 0 (W. J. Cody's rational forms are not used here: a
    continued fraction far out, the series near zero)."""
    x = numpy.asarray(x, dtype=float)
    near = numpy.minimum(x, 3.0)
    term = total = near.copy()
    for n in range(1, 90):
        term = -term * near * near / n
        total = total + term / (2 * n + 1)
    series = 1 - 2 / numpy.sqrt(numpy.pi) * total
    far = numpy.maximum(x, 2.0)
    fraction = numpy.zeros_like(far)
    for n in range(120, 0, -1):
        fraction = n / 2 / (far + fraction)
    tail = numpy.exp(-far * far) / numpy.sqrt(numpy.pi) / (far + fraction)
    return numpy.where(x < 2.0, series, tail)


def normal_tail(z):
    """P(Z > z), z >= 0."""
    return 0.5 * erfc(z / numpy.sqrt(2.0))


def normal_quantile(p):
    """By a start of Abramowitz and Stegun 26.2.23 and Newton's method on the tail."""
    tail = numpy.minimum(p, 1 - p)
    t = numpy.sqrt(-2 * numpy.log(tail))
    z = t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (
        1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t**3)
    z = numpy.maximum(z, 0.0)
    for _ in range(4):
        z = z + (normal_tail(z) - tail) * numpy.sqrt(2 * numpy.pi) * numpy.exp(z * z / 2)
        z = numpy.maximum(z, 0.0)
    return numpy.where(p < 0.5, -z, z)


def student(z, degrees):
    """t with P(T > t) = P(Z > z): the upper tail integrated over u = 1 / t, then interpolated."""
    # P(T > t), by t = sqrt(nu) tan(a): proportional to the integral of cos(a)^(nu - 1). Over
    # b = pi/2 - a the integrand is sin(b)^(nu - 1), small where the tail is.
    b = numpy.exp(numpy.linspace(numpy.log(1e-9), numpy.log(numpy.pi / 2), 400001))
    y = numpy.sin(b) ** (degrees - 1) * b  # over log b
    step = numpy.log(b[1] / b[0])
    steps = (y[:-1] + y[1:]) / 2 * step
    # Two trapezoids of half and whole step give Simpson's rule; the head below b[0] is a power.
    total = numpy.concatenate([[b[0] ** degrees / degrees], b[0] ** degrees / degrees
                               + numpy.cumsum(steps)])
    tail = total / total[-1] / 2
    at = numpy.interp(numpy.log(normal_tail(numpy.abs(z))), numpy.log(tail), numpy.log(b))
    return numpy.sign(z) * numpy.sqrt(degrees) / numpy.tan(numpy.exp(at))


def draw(seed, count, inputs):
    """Standard normal deviates: [input][draw]."""
    counters = numpy.arange(count, dtype=numpy.uint64)
    deviates, words = [], []
    for j in range(inputs):
        if j % 4 == 0:
            words = philox(seed, counters, j // 4)
        deviates.append(normal_quantile((words[j % 4].astype(float) + 0.5) / 2.0**32))
    return deviates


def deviation(law, u, z):
    if law == "normal":
        return u * z
    p = numpy.where(z < 0, normal_tail(numpy.abs(z)), 1 - normal_tail(numpy.abs(z)))
    if law == "rectangular":
        return u * numpy.sqrt(3.0) * (2 * p - 1)
    half = u * numpy.sqrt(6.0)
    return numpy.where(p < 0.5, half * (numpy.sqrt(2 * p) - 1),
                       half * (1 - numpy.sqrt(2 * (1 - p))))
