using System.Globalization;

namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// How much of a GPU's memory a backend may take: a size or a share of the whole. What the driver and NVIDIA's libraries take for themselves, some hundred
/// MiB, comes on top.
/// </summary>
public sealed record MemoryLimit
{
    private static readonly (string Unit, long Bytes)[] Units =
        [("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)];

    private readonly double _number;
    private readonly bool _isShare;

    private MemoryLimit(double number, bool isShare) => (_number, _isShare) = (number, isShare);

    /// <summary>A number of bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public static MemoryLimit OfBytes(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        return new MemoryLimit(bytes, isShare: false);
    }

    /// <summary>A share of the GPU's memory.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0 and at most 1.</exception>
    public static MemoryLimit OfShare(double share) =>
        share is > 0 and <= 1 ? new MemoryLimit(share, isShare: true) : throw new ArgumentOutOfRangeException(nameof(share), share, "above 0, and 1 at most");

    /// <summary>Reads a limit: 4GB, 512MiB, 1.5GiB or 80%.</summary>
    /// <returns>The limit; null if the text is none.</returns>
    public static MemoryLimit? Find(string text)
    {
        text = text.Trim();
        if (text.EndsWith('%'))
            return Number(text[..^1].TrimEnd()) is > 0 and <= 100 and var percent ? OfShare(percent / 100) : null;
        foreach ((string unit, long bytes) in Units)
        {
            if (text.EndsWith(unit, StringComparison.OrdinalIgnoreCase))
                return Number(text[..^unit.Length].TrimEnd()) * bytes is >= 1 and < long.MaxValue and var most ? OfBytes((long)most) : null;
        }
        return null;
    }

    /// <summary>The bytes of it on a GPU with so many.</summary>
    public long Of(long total) => _isShare ? (long)(_number * total) : (long)_number;

    /// <summary>As it may be written.</summary>
    public override string ToString() =>
        FormattableString.Invariant(_isShare ? $"{_number * 100:0.############}%" : (FormattableString)$"{_number / (1 << 20):0.###}MiB");

    private static double Number(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number) ? number : 0;
}
