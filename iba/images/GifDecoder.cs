namespace Iba.Images;

/// <summary>
/// The first frame of a GIF on its logical screen, as Pillow decodes it. Skia differs: here transparent pixels have the palette's colour, the
/// area outside the frame has the transparent colour or else colour 0, and an index without a palette entry is a grey.
/// </summary>
internal sealed class GifDecoder : PhotoDecoder
{
    // Where each pass of an interlaced frame starts, and how far apart its rows are.
    private static readonly (int Y, int Dy)[] Passes = [(0, 8), (4, 8), (2, 4), (1, 2)];

    private readonly byte[] _file;
    private readonly string _source;
    private readonly int _left, _top, _width, _height, _data;
    private readonly bool _interlaced;
    private readonly byte _outside;
    private readonly byte[] _palette = [.. Enumerable.Range(0, 3 * 256).Select(i => (byte)(i / 3))];

    /// <exception cref="ImageException">The file ends before its first frame, or the frame is empty.</exception>
    public GifDecoder(byte[] file, string source)
    {
        (_file, _source) = (file, source);
        int at = 13;
        ReadOnlySpan<byte> palette = Palette(ref at, Byte(10));
        while (Byte(at) != ',')
        {
            if (Byte(at) == ';')
                throw Damaged(source, "it has no frame");
            if (Byte(at) != '!')
            {
                int junk = file.AsSpan(at).IndexOfAny(",;!"u8);
                at = junk < 0 ? file.Length : at + junk;
                continue;
            }
            int block = at + 2;
            if (Byte(at + 1) == 0xF9 && Byte(block) >= 4 && (Byte(block + 1) & 1) != 0)
                _outside = Byte(block + 4);
            while (Byte(block) != 0)
                block += 1 + Byte(block);
            at = block + 1;
        }
        (_left, _top, _width, _height) = (Word(at + 1), Word(at + 3), Word(at + 5), Word(at + 7));
        byte flags = Byte(at + 9);
        _interlaced = (flags & 0x40) != 0;
        at += 10;
        if (Palette(ref at, flags) is { Length: > 0 } own)
            palette = own;
        palette.CopyTo(_palette);
        _data = at;
        if (_width == 0 || _height == 0)
            throw Damaged(source, $"its first frame has {_width} x {_height} pixels");
        (Width, Height) = (Math.Max(Word(6), _left + _width), Math.Max(Word(8), _top + _height));
    }

    public override int Width { get; }

    public override int Height { get; }

    // The rows of an interlaced frame are sorted once all indices are decoded.
    public override long HeldBytes => 6L * Width + (_interlaced ? (long)_width * _height : _width);

    // A file of clear codes decodes to no pixel.
    public override long Nanoseconds => 25L * Width * Height + 13L * _file.Length;

    public override void Decode(IPhotoRows rows, CancellationToken cancel)
    {
        byte[] outside = new byte[3 * Width], frame = new byte[_interlaced ? _width * _height : _width];
        var indices = new Indices(_file, _data, cancel);
        if (_interlaced)
        {
            foreach ((int start, int step) in Passes)
            {
                for (int y = start; y < _height; y += step)
                    Fill(frame.AsSpan(y * _width, _width), y);
            }
        }
        for (int x = 0; x < Width; x++)
            Colour(_outside).CopyTo(outside.AsSpan(3 * x));
        byte[] row = [.. outside];
        for (int y = 0; y < Height; y++)
        {
            cancel.ThrowIfCancellationRequested();
            int inside = y - _top;
            if (inside < 0 || inside >= _height)
            {
                rows.Add(y, outside);
                continue;
            }
            if (!_interlaced)
                Fill(frame, inside);
            ReadOnlySpan<byte> from = _interlaced ? frame.AsSpan(inside * _width, _width) : frame;
            for (int x = 0; x < _width; x++)
                Colour(from[x]).CopyTo(row.AsSpan(3 * (_left + x)));
            rows.Add(y, row);
        }

        void Fill(Span<byte> to, int y)
        {
            cancel.ThrowIfCancellationRequested();
            if (!indices.Read(to))
            {
                throw indices.Truncated
                    ? Truncated(_source, _file.Length, $"at row {y} of {_height}")
                    : Damaged(_source, $"row {y} of {_height} cannot be unpacked");
            }
        }
    }

    private ReadOnlySpan<byte> Colour(byte index) => _palette.AsSpan(3 * index, 3);

    private ReadOnlySpan<byte> Palette(ref int at, byte flags)
    {
        if ((flags & 0x80) == 0)
            return [];
        int start = at;
        at += 3 << ((flags & 7) + 1);
        Byte(at);
        return _file.AsSpan(start, at - start);
    }

    private byte Byte(int at) => at < _file.Length ? _file[at] : throw Truncated(_source, _file.Length, "before its first frame does");

    private int Word(int at) => Byte(at) | Byte(at + 1) << 8;

    /// <summary>The frame's colour indices, unpacked (LZW with codes of 3 to 12 bits).</summary>
    private sealed class Indices
    {
        private const int MostBits = 12;

        private readonly byte[] _file;
        private readonly CancellationToken _cancel;
        private readonly int _clear;
        // A code stands for the indices of its prefix followed by one more.
        private readonly short[] _prefix = new short[1 << MostBits];
        private readonly byte[] _last = new byte[1 << MostBits], _first = new byte[1 << MostBits], _pending = new byte[1 << MostBits];
        private int _at, _block, _bits, _held, _width, _next, _previous, _pendingCount;
        private bool _ended;

        public Indices(byte[] file, int at, CancellationToken cancel)
        {
            (_file, _cancel) = (file, cancel);
            int size = at < file.Length ? file[at] : 0;
            _at = at + 1;
            // With 12 bits or more the first free code would not fit into the table.
            _ended = size is 0 or >= MostBits;
            _clear = _ended ? 1 : 1 << size;
            for (int code = 0; code < _clear && !_ended; code++)
                (_last[code], _first[code]) = ((byte)code, (byte)code);
            Clear();
        }

        /// <summary>Whether the file ended before the last index.</summary>
        public bool Truncated => _at >= _file.Length;

        /// <summary>Fills a row.</summary>
        /// <returns>False if the data are damaged or end early.</returns>
        public bool Read(Span<byte> row)
        {
            for (int count = 0; count < row.Length;)
            {
                if (_pendingCount == 0 && !Unpack())
                    return false;
                int some = Math.Min(_pendingCount, row.Length - count);
                // Pending indices lie at the end of their buffer.
                _pending.AsSpan(_pending.Length - _pendingCount, some).CopyTo(row[count..]);
                _pendingCount -= some;
                count += some;
            }
            return true;
        }

        private void Clear() => (_width, _next, _previous) = (int.Log2(_clear) + 1, _clear + 2, -1);

        private bool Unpack()
        {
            while (true)
            {
                if (_ended || Code() is not { } code || code == _clear + 1)
                {
                    _ended = true;
                    return false;
                }
                if (code == _clear)
                {
                    Clear();
                    continue;
                }
                // The first code after a clear code is an index. A later code is in the table, or is the one that is about to be added.
                if (code > _next || (code == _next && (_previous < 0 || _next == 1 << MostBits)) || (_previous < 0 && code >= _clear))
                {
                    _ended = true;
                    return false;
                }
                if (_previous >= 0 && _next < 1 << MostBits)
                {
                    _prefix[_next] = (short)_previous;
                    _first[_next] = _first[_previous];
                    _last[_next] = code == _next ? _first[_previous] : _first[code];
                    if (++_next == 1 << _width && _width < MostBits)
                        _width++;
                }
                _previous = code;
                int to = _pending.Length;
                for (; code > _clear; code = _prefix[code])
                    _pending[--to] = _last[code];
                _pending[--to] = _last[code];
                _pendingCount = _pending.Length - to;
                return true;
            }
        }

        private int? Code()
        {
            while (_held < _width)
            {
                if (_block == 0)
                {
                    _cancel.ThrowIfCancellationRequested();
                    _block = _at < _file.Length ? _file[_at++] : 0;
                    if (_block == 0)
                        return null;
                }
                if (_at >= _file.Length)
                    return null;
                _bits |= _file[_at++] << _held;
                _held += 8;
                _block--;
            }
            int code = _bits & ((1 << _width) - 1);
            (_bits, _held) = (_bits >> _width, _held - _width);
            return code;
        }
    }
}
