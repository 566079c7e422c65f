using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Iba.Engine.Backends.Cpu.Simd;

/// <summary>Sixteen elements: AVX-512.</summary>
internal readonly unsafe struct Lanes512(Vector512<float> x) : IWideLanes<Lanes512>
{
    private readonly Vector512<float> _x = x;

    private Vector512<int> Words => _x.AsInt32();

    public static int Count => 16;

    public static implicit operator Lanes512(float x) => new(Vector512.Create(x));

    public static Lanes512 operator +(Lanes512 a, Lanes512 b) => new(a._x + b._x);

    public static Lanes512 operator -(Lanes512 a, Lanes512 b) => new(a._x - b._x);

    public static Lanes512 operator *(Lanes512 a, Lanes512 b) => new(a._x * b._x);

    public static Lanes512 operator /(Lanes512 a, Lanes512 b) => new(a._x / b._x);

    public static Lanes512 operator -(Lanes512 x) => new(-x._x);

    public static Lanes512 Fma(Lanes512 a, Lanes512 b, Lanes512 c) => new(Vector512.FusedMultiplyAdd(a._x, b._x, c._x));

    public static Lanes512 MultiplyAdd(Lanes512 a, Lanes512 b, Lanes512 c) => new(Vector512.MultiplyAddEstimate(a._x, b._x, c._x));

    public static float Sum(Lanes512 x) => Lanes256.Sum(new(x._x.GetLower() + x._x.GetUpper()));

    public static Lanes512 Sqrt(Lanes512 x) => new(Vector512.Sqrt(x._x));

    public static Lanes512 Min(Lanes512 a, Lanes512 b) => new(Avx512F.Min(a._x, b._x));

    public static Lanes512 Max(Lanes512 a, Lanes512 b) => new(Avx512F.Max(a._x, b._x));

    public static Lanes512 operator >(Lanes512 a, Lanes512 b) => new(Vector512.GreaterThan(a._x, b._x));

    public static Lanes512 operator <(Lanes512 a, Lanes512 b) => new(Vector512.LessThan(a._x, b._x));

    public static Lanes512 Same(Lanes512 a, Lanes512 b) => new(Vector512.Equals(a._x, b._x));

    public static Lanes512 Select(Lanes512 mask, Lanes512 a, Lanes512 b) => new(Vector512.ConditionalSelect(mask._x, a._x, b._x));

    public static bool All(Lanes512 mask) => Vector512.EqualsAll(mask.Words, Vector512<int>.AllBitsSet);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Gated(Lanes512 dy, Lanes512 y) =>
        new(Vector512.ConditionalSelect(Vector512.LessThanOrEqual(y._x, Vector512<float>.Zero), Vector512<float>.Zero, dy._x));

    public static Lanes512 operator &(Lanes512 a, Lanes512 b) => new(a._x & b._x);

    public static Lanes512 operator |(Lanes512 a, Lanes512 b) => new(a._x | b._x);

    public static Lanes512 operator ^(Lanes512 a, Lanes512 b) => new(a._x ^ b._x);

    public static Lanes512 Bits(uint bits) => new(Vector512.Create(bits).AsSingle());

    public static Lanes512 AddBits(Lanes512 a, Lanes512 b) => new((a.Words + b.Words).AsSingle());

    public static Lanes512 SubtractBits(Lanes512 a, Lanes512 b) => new((a.Words - b.Words).AsSingle());

    public static Lanes512 operator <<(Lanes512 x, int by) => new((x.Words << by).AsSingle());

    public static Lanes512 operator >>(Lanes512 x, int by) => new((x.Words >> by).AsSingle());

    public static Lanes512 FromSigned(Lanes512 bits) => new(Vector512.ConvertToSingle(bits.Words));

    public static Lanes512 FromUnsigned(Lanes512 bits) => new(Vector512.ConvertToSingle(bits._x.AsUInt32()));

    public static Lanes512 Load(float* from) => new(Vector512.Load(from));

    public static void Store(Lanes512 x, float* to) => x._x.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Counters(uint first) =>
        new((Vector512.Create((ulong)first) + Vector512.Create(0, 4, 1, 5, 2, 6, 3, 7ul)).AsSingle());

    public static Lanes512 Product(Lanes512 a, Lanes512 b) => new(Avx512F.Multiply(a._x.AsUInt32(), b._x.AsUInt32()).AsSingle());

    public static Lanes512 HighWord(Lanes512 product) => new((product._x.AsUInt64() >>> 32).AsSingle());

    public static Lanes512 Xor(Lanes512 a, Lanes512 b, Lanes512 c) =>
        new(Avx512F.TernaryLogic(a._x.AsInt32(), b._x.AsInt32(), c._x.AsInt32(), 0x96).AsSingle());

    public static Lanes512 Pair(Lanes512 even, Lanes512 odd) =>
        new(((even._x.AsUInt64() & Vector512.Create(0xFFFFFFFFul)) | (odd._x.AsUInt64() << 32)).AsSingle());

    public static (Lanes512 Low, Lanes512 High) Interleave(Lanes512 a, Lanes512 b) =>
        (new(Avx512F.UnpackLow(a._x, b._x)), new(Avx512F.UnpackHigh(a._x, b._x)));
}
