namespace Iba.Engine.Tensors;

/// <summary>The type of a tensor's elements in a device's memory.</summary>
public enum Element
{
    /// <summary>32 bits.</summary>
    Float32,

    /// <summary>The upper 16 bits of a float32, rounded to nearest: 8 bits of mantissa. For activations and their gradients only.</summary>
    BFloat16,
}

/// <summary>Sizes of element types.</summary>
public static class Elements
{
    extension(Element element)
    {
        /// <summary>Bytes of one element.</summary>
        public int Bytes => element == Element.BFloat16 ? sizeof(ushort) : sizeof(float);

        /// <summary>Float32 numbers that take as much memory as <paramref name="count"/> elements: the unit of storages and arenas.</summary>
        public long Floats(long count) => (count * element.Bytes + sizeof(float) - 1) / sizeof(float);
    }
}
