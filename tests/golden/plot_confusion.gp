# confusion.gp - what was qualified: true cause against verdict.
# `gnuplot confusion.gp` draws confusion.svg and confusion.png from confusion.tsv; for a
# terminal: gnuplot -e 'text = 1; columns = 100; rows = 30; colour = 0' confusion.gp draws
# confusion.txt.
if (!exists('text')) text = 0
if (!exists('columns')) columns = 100
if (!exists('rows')) rows = 30
if (!exists('colour')) colour = 0
set encoding utf8
set datafile separator tab
data = 'confusion.tsv'
name = 'efs-five-rows'
subtitle = 'Success % through the five feedback steps  ·  seed 7  ·  3,947 of 3,962 qualified as what they were'
unset key
set xrange [0.5:5.5]
set yrange [5.5:0.5]
if (text) {
    if (colour) { set terminal dumb size columns, rows ansi256 }
    if (!colour) { set terminal dumb size columns, rows mono }
    set output 'confusion.txt'
    set title name . ': true cause down, verdict across' noenhanced
    set xtics ('10' 1, '22' 2, '40' 3, '70' 4, 'none' 5) noenhanced scale 0 textcolor rgb '#444444'
    set ytics ('10' 1, '22' 2, '40' 3, '70' 4, 'none' 5) noenhanced scale 0 textcolor rgb '#444444'
    plot data using 5:6:7 with labels
    unset output
    exit
}
set palette defined (0 '#fde725', 0.143 '#a0da39', 0.286 '#4ac16d', 0.429 '#1fa187', 0.571 '#277f8e', 0.714 '#365c8d', 0.857 '#46327e', 1 '#440154')
set cbrange [0:100]
set cbtics 25 format '%g%%' scale 0 textcolor rgb '#444444'
set colorbox user origin screen 0.935, 0.22 size screen 0.015, 0.3 noborder
set label 5 'share of' at screen 0.96, 0.575 center textcolor rgb '#777777'
set label 6 'the cause' at screen 0.96, 0.55 center textcolor rgb '#777777'
set border 15 linecolor rgb '#CCCCCC'
set lmargin at screen 0.21
set rmargin at screen 0.85
set tmargin at screen 0.85
set bmargin at screen 0.2
set label 1 name at screen 0.02, 0.965 left noenhanced font ',18'
set label 2 subtitle at screen 0.02, 0.928 left noenhanced textcolor rgb '#555555'
set xlabel 'the verdict of the MTA' textcolor rgb '#444444'
set ylabel 'true cause, as the provider knows it' textcolor rgb '#444444'
set xtics ('10 Invalid Recipient' 1, '22 Mailbox Full' 2, '40 Generic Bounce' 3, '70 Transient Failure' 4, 'none' 5) noenhanced scale 0 textcolor rgb '#444444'
set xtics rotate by 35 right nomirror
set ytics ('10 Invalid Recipient' 1, '22 Mailbox Full' 2, '40 Generic Bounce' 3, '70 Transient Failure' 4, 'none' 5) noenhanced scale 0 textcolor rgb '#444444'
set ytics nomirror
set label 3 'recall' at graph 1.01, graph 1 left offset 0, 1.2 textcolor rgb '#777777'
set label 4 'precision' at graph 0, graph 1 right offset -1, 1.2 textcolor rgb '#777777'
set label 10 '99.7%' at graph 1.01, first 1 left
set label 34 '99.9%' at first 1, graph 1 center offset 0, 1.2
set label 11 '95.0%' at graph 1.01, first 2 left
set label 35 '100.0%' at first 2, graph 1 center offset 0, 1.2
set label 12 '' at graph 1.01, first 3 left
set label 36 '0.0%' at first 3, graph 1 center offset 0, 1.2
set label 13 '100.0%' at graph 1.01, first 4 left
set label 37 '99.7%' at first 4, graph 1 center offset 0, 1.2
set label 14 '' at graph 1.01, first 5 left
set label 38 '' at first 5, graph 1 center offset 0, 1.2
set object 1 rectangle center first 1, first 1 size first 1, first 1 behind fillcolor rgb '#F0F0F0' fillstyle solid 1 noborder
set arrow 1 from graph 0, first 1.5 to graph 1, first 1.5 nohead back linecolor rgb '#E4E4E4'
set arrow 25 from first 1.5, graph 0 to first 1.5, graph 1 nohead back linecolor rgb '#E4E4E4'
set object 2 rectangle center first 2, first 2 size first 1, first 1 behind fillcolor rgb '#F0F0F0' fillstyle solid 1 noborder
set arrow 2 from graph 0, first 2.5 to graph 1, first 2.5 nohead back linecolor rgb '#E4E4E4'
set arrow 26 from first 2.5, graph 0 to first 2.5, graph 1 nohead back linecolor rgb '#E4E4E4'
set object 3 rectangle center first 3, first 3 size first 1, first 1 behind fillcolor rgb '#F0F0F0' fillstyle solid 1 noborder
set arrow 3 from graph 0, first 3.5 to graph 1, first 3.5 nohead back linecolor rgb '#E4E4E4'
set arrow 27 from first 3.5, graph 0 to first 3.5, graph 1 nohead back linecolor rgb '#E4E4E4'
set object 4 rectangle center first 4, first 4 size first 1, first 1 behind fillcolor rgb '#F0F0F0' fillstyle solid 1 noborder
set arrow 4 from graph 0, first 4.5 to graph 1, first 4.5 nohead back linecolor rgb '#E4E4E4'
set arrow 28 from first 4.5, graph 0 to first 4.5, graph 1 nohead back linecolor rgb '#E4E4E4'
set object 5 rectangle center first 5, first 5 size first 1, first 1 behind fillcolor rgb '#F0F0F0' fillstyle solid 1 noborder
size = 11
do for [kind in 'svg png'] {
    if (kind eq 'svg') { set terminal svg size 1200,900 font 'DejaVu Sans,Helvetica,Arial,sans-serif,'.(size+2) background '#ffffff' }
    if (kind eq 'png') { set terminal pngcairo size 1200,900 font 'DejaVu Sans,'.size background '#ffffff' }
    set output 'confusion.' . kind
    plot data using 5:6:(0.49):(0.49):4 with boxxyerror fillcolor palette fillstyle solid 1 noborder, \
        data using 5:($4 < 45 ? $6 : NaN):7 with labels textcolor rgb '#111111', \
        data using 5:($4 < 45 ? NaN : $6):7 with labels textcolor rgb '#ffffff'
    unset output
}
