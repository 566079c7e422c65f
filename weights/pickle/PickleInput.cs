using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;
using Iba.Engine.Files;

namespace Iba.Weights.Pickle;

/// <summary>
/// The operands of a pickle, read from a stream. A length is accepted only within the stream, and is charged to the budget.
/// </summary>
internal sealed class PickleInput(Stream stream, FileBudget budget)
{
    private const int MaximumLine = 1 << 10, MaximumInteger = 64;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Bytes read so far, for error messages.</summary>
    public long Position => stream.Position;

    public byte Byte() => stream.ReadByte() is var b and >= 0 ? (byte)b : throw End();

    public int UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Fixed(stackalloc byte[2]));
    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Fixed(stackalloc byte[4]));
    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Fixed(stackalloc byte[4]));
    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Fixed(stackalloc byte[8]));

    /// <summary>The one big-endian operand of the format.</summary>
    public double Double() => BinaryPrimitives.ReadDoubleBigEndian(Fixed(stackalloc byte[8]));

    /// <summary>Checks that a frame is within the stream; frames have no other meaning.</summary>
    public void Frame()
    {
        ulong length = UInt64();
        if (length > (ulong)(stream.Length - stream.Position))
            throw new InvalidDataException($"a frame of {length} bytes passes the end");
    }

    public byte[] Bytes(ulong length)
    {
        if (length > (ulong)(stream.Length - stream.Position))
            throw new InvalidDataException($"a text of {length} bytes passes the end");
        budget.Charge(FileBudget.Object + (long)length);
        byte[] bytes = new byte[length];
        Fixed(bytes);
        return bytes;
    }

    public string Text(ulong length)
    {
        try
        {
            byte[] bytes = Bytes(length);
            budget.ChargeText(bytes.Length);
            return Utf8.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException("a text is not UTF-8", e);
        }
    }

    /// <summary>A string of Python 2, which has no encoding; decoding as Latin-1 never fails and keeps ASCII.</summary>
    public string OldText(ulong length)
    {
        byte[] bytes = Bytes(length);
        budget.ChargeText(bytes.Length);
        return Encoding.Latin1.GetString(bytes);
    }

    /// <summary>Two's complement of any width; a long if it fits, as almost always.</summary>
    public object Integer(ulong length)
    {
        if (length > MaximumInteger)
            throw new InvalidDataException($"an integer of {length} bytes is wider than any in a state dict");
        var value = new BigInteger(Bytes(length));
        return value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value;
    }

    /// <summary>Python 2's spelling of integers beyond 32 bits.</summary>
    public long DecimalInteger() =>
        long.TryParse(Line(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
            ? value
            : throw new InvalidDataException("a decimal integer is broken or too wide");

    /// <summary>Text up to a line feed.</summary>
    public string Line()
    {
        var line = new StringBuilder();
        for (byte b = Byte(); b != '\n'; b = Byte())
        {
            if (line.Length == MaximumLine)
                throw new InvalidDataException("a line is longer than any name");
            line.Append((char)b);
        }
        budget.ChargeText(line.Length);
        return line.ToString();
    }

    private Span<byte> Fixed(Span<byte> bytes)
    {
        for (int at = 0; at < bytes.Length;)
        {
            int read = stream.Read(bytes[at..]);
            at += read > 0 ? read : throw End();
        }
        return bytes;
    }

    private static InvalidDataException End() => new("it ends before its last instruction");
}
