using System.Text;

namespace Tests.Cli;

/// <summary>What a terminal shows after some bytes: as much of a terminal as a program with a progress bar needs.</summary>
internal sealed class Screen
{
    private readonly int _columns;
    private readonly List<StringBuilder> _rows = [new()];
    private bool _wraps = true;
    private int _row, _column;

    public Screen(int columns, string stream)
    {
        _columns = columns;
        for (int at = 0; at < stream.Length; at++)
        {
            if (stream[at] != '\e')
            {
                Write(stream[at]);
                continue;
            }
            int start = ++at;
            if (stream[at] == '[')
            {
                do
                    at++;
                while (char.IsDigit(stream[at]) || stream[at] is '?' or ';');
            }
            Obey(stream[start..(at + 1)]);
        }
    }

    /// <summary>The rows, without blanks at their ends.</summary>
    public IReadOnlyList<string> Rows => [.. _rows.Select(row => row.ToString().TrimEnd())];

    private void Write(char letter)
    {
        if (letter == '\r')
            _column = 0;
        else if (letter == '\n')
            Down();
        else
        {
            if (_column == _columns && _wraps)
            {
                Down();
                _column = 0;
            }
            int place = Math.Min(_column, _columns - 1);
            StringBuilder row = _rows[_row];
            row.Append(' ', Math.Max(place + 1 - row.Length, 0))[place] = letter;
            _column = place + 1;
        }
    }

    private void Down()
    {
        if (++_row == _rows.Count)
            _rows.Add(new StringBuilder());
    }

    private void Obey(string sequence)
    {
        StringBuilder row = _rows[_row];
        switch (sequence)
        {
            case "[2K":
                row.Clear();
                break;
            case "[K" or "[0K":
                row.Length = Math.Min(row.Length, _column);
                break;
            case "[?7l" or "[?7h":
                _wraps = sequence[^1] == 'h';
                break;
            case ['[', .., 'A']:
                _row -= sequence.Length > 2 ? int.Parse(sequence[1..^1]) : 1;
                break;
            // Colours, the cursor's visibility and the mode of the keys, which .NET sets, change nothing that is shown.
            case ['[', .., 'm'] or "[?25l" or "[?25h" or "[?1h" or "[?1l" or "=" or ">":
                break;
            default:
                throw new NotSupportedException($"a terminal's sequence that is not known here: {sequence}");
        }
    }
}
