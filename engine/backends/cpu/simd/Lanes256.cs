using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Iba.Engine.Backends.Cpu.Simd;

/// <summary>Eight elements: AVX2.</summary>
internal readonly unsafe struct Lanes256(Vector256<float> x) : IWideLanes<Lanes256>
{
    private readonly Vector256<float> _x = x;

    private Vector256<int> Words => _x.AsInt32();

    public static int Count => 8;

    public static implicit operator Lanes256(float x) => new(Vector256.Create(x));

    public static Lanes256 operator +(Lanes256 a, Lanes256 b) => new(a._x + b._x);

    public static Lanes256 operator -(Lanes256 a, Lanes256 b) => new(a._x - b._x);

    public static Lanes256 operator *(Lanes256 a, Lanes256 b) => new(a._x * b._x);

    public static Lanes256 operator /(Lanes256 a, Lanes256 b) => new(a._x / b._x);

    public static Lanes256 operator -(Lanes256 x) => new(-x._x);

    public static Lanes256 Fma(Lanes256 a, Lanes256 b, Lanes256 c) => new(Vector256.FusedMultiplyAdd(a._x, b._x, c._x));

    public static Lanes256 MultiplyAdd(Lanes256 a, Lanes256 b, Lanes256 c) => new(Vector256.MultiplyAddEstimate(a._x, b._x, c._x));

    public static float Sum(Lanes256 x) => Lanes128.Sum(new(x._x.GetLower() + x._x.GetUpper()));

    public static Lanes256 Sqrt(Lanes256 x) => new(Vector256.Sqrt(x._x));

    public static Lanes256 Min(Lanes256 a, Lanes256 b) => new(Avx.Min(a._x, b._x));

    public static Lanes256 Max(Lanes256 a, Lanes256 b) => new(Avx.Max(a._x, b._x));

    public static Lanes256 operator >(Lanes256 a, Lanes256 b) => new(Vector256.GreaterThan(a._x, b._x));

    public static Lanes256 operator <(Lanes256 a, Lanes256 b) => new(Vector256.LessThan(a._x, b._x));

    public static Lanes256 Same(Lanes256 a, Lanes256 b) => new(Vector256.Equals(a._x, b._x));

    public static Lanes256 Select(Lanes256 mask, Lanes256 a, Lanes256 b) => new(Vector256.ConditionalSelect(mask._x, a._x, b._x));

    public static bool All(Lanes256 mask) => Vector256.EqualsAll(mask.Words, Vector256<int>.AllBitsSet);

    // Without the attribute the compiler leaves calls in the micro-kernel, which is large: a third of the time of a reduction over 64 elements.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Gated(Lanes256 dy, Lanes256 y) =>
        new(Vector256.ConditionalSelect(Vector256.LessThanOrEqual(y._x, Vector256<float>.Zero), Vector256<float>.Zero, dy._x));

    public static Lanes256 operator &(Lanes256 a, Lanes256 b) => new(a._x & b._x);

    public static Lanes256 operator |(Lanes256 a, Lanes256 b) => new(a._x | b._x);

    public static Lanes256 operator ^(Lanes256 a, Lanes256 b) => new(a._x ^ b._x);

    public static Lanes256 Bits(uint bits) => new(Vector256.Create(bits).AsSingle());

    public static Lanes256 AddBits(Lanes256 a, Lanes256 b) => new((a.Words + b.Words).AsSingle());

    public static Lanes256 SubtractBits(Lanes256 a, Lanes256 b) => new((a.Words - b.Words).AsSingle());

    public static Lanes256 operator <<(Lanes256 x, int by) => new((x.Words << by).AsSingle());

    public static Lanes256 operator >>(Lanes256 x, int by) => new((x.Words >> by).AsSingle());

    public static Lanes256 FromSigned(Lanes256 bits) => new(Vector256.ConvertToSingle(bits.Words));

    public static Lanes256 FromUnsigned(Lanes256 bits) => new(Vector256.ConvertToSingle(bits._x.AsUInt32()));

    public static Lanes256 Load(float* from) => new(Vector256.Load(from));

    public static void Store(Lanes256 x, float* to) => x._x.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Counters(uint first) => new((Vector256.Create((ulong)first) + Vector256.Create(0, 2, 1, 3ul)).AsSingle());

    public static Lanes256 Product(Lanes256 a, Lanes256 b) => new(Avx2.Multiply(a._x.AsUInt32(), b._x.AsUInt32()).AsSingle());

    public static Lanes256 HighWord(Lanes256 product) => new((product._x.AsUInt64() >>> 32).AsSingle());

    public static Lanes256 Xor(Lanes256 a, Lanes256 b, Lanes256 c) => a ^ b ^ c;

    public static Lanes256 Pair(Lanes256 even, Lanes256 odd) =>
        new(((even._x.AsUInt64() & Vector256.Create(0xFFFFFFFFul)) | (odd._x.AsUInt64() << 32)).AsSingle());

    public static (Lanes256 Low, Lanes256 High) Interleave(Lanes256 a, Lanes256 b) =>
        (new(Avx.UnpackLow(a._x, b._x)), new(Avx.UnpackHigh(a._x, b._x)));
}
