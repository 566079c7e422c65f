using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Iba.Engine.Files;

/// <summary>
/// SHA-256 (FIPS 180-4). The system's code computes it, several times as fast; on Linux that is OpenSSL, without which .NET's own class ends the process. So
/// where there is none, the code below does.
/// </summary>
public sealed class Sha256Hash : IDisposable
{
    /// <summary>Bytes of a hash.</summary>
    public const int Bytes = 32;

    private const int BlockBytes = 64, Rounds = 64;

    private static readonly bool IsInSystem = !OperatingSystem.IsLinux()
        || new[] { "libssl.so.3", "libssl.so.1.1" }.Any(name => NativeLibrary.TryLoad(name, out _));

    /// <summary>The first 32 bits of the fractional parts of the cube roots of the first 64 primes.</summary>
    private static readonly uint[] K = [.. FirstPrimes(Rounds).Select(prime => Fraction(prime, 3))];

    private readonly IncrementalHash? _system;
    private readonly uint[] _state = new uint[8], _words = new uint[Rounds];
    private readonly byte[] _block = new byte[BlockBytes];
    private long _length;

    /// <summary>Starts a hash of parts.</summary>
    public Sha256Hash() : this(IsInSystem)
    {
    }

    /// <param name="inSystem">Whether the system computes it.</param>
    internal Sha256Hash(bool inSystem)
    {
        if (inSystem)
            _system = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Begin();
    }

    /// <summary>The hash of bytes.</summary>
    public static byte[] Of(ReadOnlySpan<byte> bytes)
    {
        if (IsInSystem)
            return SHA256.HashData(bytes);
        using var hash = new Sha256Hash();
        hash.Add(bytes);
        return hash.Take();
    }

    /// <summary>The hash of bytes as 64 hexadecimal digits in lower case.</summary>
    public static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(Of(bytes));

    /// <summary>Adds bytes.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        if (_system is not null)
        {
            _system.AppendData(bytes);
            return;
        }
        int held = (int)(_length % BlockBytes);
        _length += bytes.Length;
        if (held > 0)
        {
            int some = Math.Min(BlockBytes - held, bytes.Length);
            bytes[..some].CopyTo(_block.AsSpan(held));
            bytes = bytes[some..];
            if (held + some < BlockBytes)
                return;
            Compress(_block);
        }
        for (; bytes.Length >= BlockBytes; bytes = bytes[BlockBytes..])
            Compress(bytes[..BlockBytes]);
        bytes.CopyTo(_block);
    }

    /// <summary>The hash of all bytes that were added. The next one starts from none.</summary>
    public byte[] Take()
    {
        if (_system is not null)
            return _system.GetHashAndReset();
        long bits = _length * 8;
        // One bit that is 1, zeros, and the length in bits, up to a whole block.
        Span<byte> end = stackalloc byte[2 * BlockBytes];
        end[0] = 0x80;
        int padding = BlockBytes - (int)((_length + 8) % BlockBytes);
        BinaryPrimitives.WriteInt64BigEndian(end[padding..], bits);
        Add(end[..(padding + 8)]);
        var hash = new byte[Bytes];
        for (int i = 0; i < _state.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(hash.AsSpan(4 * i), _state[i]);
        Begin();
        return hash;
    }

    /// <inheritdoc/>
    public void Dispose() => _system?.Dispose();

    /// <summary>The first 32 bits of the fractional parts of the square roots of the first 8 primes.</summary>
    private void Begin()
    {
        _length = 0;
        foreach ((int i, int prime) in FirstPrimes(_state.Length).Index())
            _state[i] = Fraction(prime, 2);
    }

    private void Compress(ReadOnlySpan<byte> block)
    {
        uint[] w = _words;
        for (int t = 0; t < 16; t++)
            w[t] = BinaryPrimitives.ReadUInt32BigEndian(block[(4 * t)..]);
        for (int t = 16; t < Rounds; t++)
        {
            uint x = w[t - 15], y = w[t - 2];
            w[t] = w[t - 16] + (BitOperations.RotateRight(x, 7) ^ BitOperations.RotateRight(x, 18) ^ (x >> 3))
                + w[t - 7] + (BitOperations.RotateRight(y, 17) ^ BitOperations.RotateRight(y, 19) ^ (y >> 10));
        }
        uint a = _state[0], b = _state[1], c = _state[2], d = _state[3], e = _state[4], f = _state[5], g = _state[6], h = _state[7];
        for (int t = 0; t < Rounds; t++)
        {
            uint one = h + (BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25)) + ((e & f) ^ (~e & g))
                + K[t] + w[t];
            uint two = (BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d + one, c, b, a, one + two);
        }
        _state[0] += a;
        _state[1] += b;
        _state[2] += c;
        _state[3] += d;
        _state[4] += e;
        _state[5] += f;
        _state[6] += g;
        _state[7] += h;
    }

    private static IEnumerable<int> FirstPrimes(int count) =>
        Enumerable.Range(2, 400).Where(n => Enumerable.Range(2, n - 2).All(divisor => n % divisor != 0)).Take(count);

    /// <summary>The first 32 bits of the fractional part of a root: the integer root of n · 2^(32 degree), modulo 2^32.</summary>
    private static uint Fraction(int n, int degree)
    {
        UInt128 radicand = (UInt128)n << (32 * degree), low = 0, high = (UInt128)n << 32;
        while (high - low > 1)
        {
            UInt128 middle = (low + high) >> 1, power = degree == 2 ? middle * middle : middle * middle * middle;
            (low, high) = power <= radicand ? (middle, high) : (low, middle);
        }
        return (uint)low;
    }
}
