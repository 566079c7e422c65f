using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Iba.Engine.Files;

/// <summary>
/// The type of a tensor's elements in a file. Names are those of safetensors headers, so <c>ToString</c> gives the file's spelling.
/// </summary>
public enum ElementType
{
    /// <summary>One byte, 0 or 1.</summary>
    BOOL,
    /// <summary>Unsigned 8-bit integer.</summary>
    U8,
    /// <summary>Signed 8-bit integer.</summary>
    I8,
    /// <summary>Signed 16-bit integer.</summary>
    I16,
    /// <summary>Unsigned 16-bit integer.</summary>
    U16,
    /// <summary>IEEE half: 5 bits of exponent, 10 of fraction.</summary>
    F16,
    /// <summary>bfloat16: the upper half of a float32.</summary>
    BF16,
    /// <summary>Signed 32-bit integer.</summary>
    I32,
    /// <summary>Unsigned 32-bit integer.</summary>
    U32,
    /// <summary>IEEE single.</summary>
    F32,
    /// <summary>Signed 64-bit integer.</summary>
    I64,
    /// <summary>Unsigned 64-bit integer.</summary>
    U64,
    /// <summary>IEEE double.</summary>
    F64,
    /// <summary>8-bit float: 4 bits of exponent, 3 of fraction. Recognised, but its values cannot be read.</summary>
    F8_E4M3,
    /// <summary>8-bit float: 5 bits of exponent, 2 of fraction. Recognised, but its values cannot be read.</summary>
    F8_E5M2,
    /// <summary>8-bit scale: a power of 2. Recognised, but its values cannot be read.</summary>
    F8_E8M0,
    /// <summary>Two IEEE singles. Recognised, but its values cannot be read.</summary>
    C64,
    /// <summary>Two IEEE doubles. Recognised, but its values cannot be read.</summary>
    C128,
    /// <summary>An unknown type. Its tensors have a name and a shape, but their values cannot be read.</summary>
    Other,
}

/// <summary>Sizes of the element types, and conversion of their values to float32.</summary>
public static class ElementTypes
{
    extension(ElementType type)
    {
        /// <summary>Bytes of one element; 0 if unknown.</summary>
        public int Size => type switch
        {
            ElementType.Other => 0,
            ElementType.BOOL or ElementType.U8 or ElementType.I8 or ElementType.F8_E4M3 or ElementType.F8_E5M2 or ElementType.F8_E8M0 => 1,
            ElementType.I16 or ElementType.U16 or ElementType.F16 or ElementType.BF16 => 2,
            ElementType.I32 or ElementType.U32 or ElementType.F32 => 4,
            ElementType.C128 => 16,
            _ => 8,
        };

        /// <summary>Whether elements are floating point values that <c>ToFloats</c> converts to float32.</summary>
        public bool IsFloating => type is ElementType.F16 or ElementType.BF16 or ElementType.F32 or ElementType.F64;

        /// <summary>Rounds little-endian floating point elements to float32; F16 and BF16 are exact.</summary>
        /// <param name="little">The file's bytes: <c>Size</c> for each element of <paramref name="to"/>.</param>
        /// <param name="to">The float32 values.</param>
        /// <exception cref="ArgumentException">The type is not floating point.</exception>
        public void ToFloats(ReadOnlySpan<byte> little, Span<float> to)
        {
            switch (type)
            {
                case ElementType.F32 when BitConverter.IsLittleEndian:
                    little.CopyTo(MemoryMarshal.AsBytes(to));
                    break;
                case ElementType.F32:
                    for (int i = 0; i < to.Length; i++)
                        to[i] = BinaryPrimitives.ReadSingleLittleEndian(little[(4 * i)..]);
                    break;
                case ElementType.F64:
                    for (int i = 0; i < to.Length; i++)
                        to[i] = (float)BinaryPrimitives.ReadDoubleLittleEndian(little[(8 * i)..]);
                    break;
                case ElementType.F16:
                    for (int i = 0; i < to.Length; i++)
                        to[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(little[(2 * i)..]);
                    break;
                case ElementType.BF16:
                    for (int i = 0; i < to.Length; i++)
                        to[i] = BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(little[(2 * i)..]) << 16);
                    break;
                default:
                    throw new ArgumentException($"{type} elements are not floating point numbers");
            }
        }
    }
}
